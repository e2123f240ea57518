"""What a baseline is: it learns from the training interactions alone, with no gradient and no text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy.sparse import csc_array, csr_array, issparse

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import InputError

_BLOCK_ENTRIES = 2**22


class FittedBaseline(Protocol):
    """Scores every item for the users that it was fitted on."""

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""


class Baseline(Protocol):
    """A set of options that can be fitted; a new one is one file and a line in `BASELINES`."""

    name: ClassVar[str]

    @classmethod
    def make(cls, **options: Any) -> Self:
        """Build from options; a ConfigError names each that is unknown or cannot be used."""

    def fit(self, train: csr_array) -> FittedBaseline:
        """Learn from float32 of shape (n_users, n_items), non-zero where a user has an item in the training data."""


@dataclass(frozen=True)
class LinearItemModel:
    """Scores a user by the sum of the weights from each of the user's training items to every item.

    Attributes:
        train: float32 CSR of shape (n_users, n_items).
        weights: float32 of shape (n_items, n_items), sparse or dense; row j holds what item j adds to every item.
    """

    train: csr_array
    weights: csr_array | FloatArray

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        product = self.train[users] @ self.weights
        return np.asarray(product.toarray() if issparse(product) else product, dtype=np.float32)


def checked_train(train: Any) -> csr_array:
    """Return the training matrix as float32 CSR; the input is not changed.

    Raises:
        InputError: It is not a scipy sparse matrix, has no interaction, or holds NaN or infinite values.
    """
    if not issparse(train):
        raise InputError(f"train is a {type(train).__name__}; expected a scipy.sparse matrix; wrap it in csr_array")
    matrix = csr_array(train, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        raise InputError(
            f"the training matrix of shape {matrix.shape} has no interaction; expected at least one; "
            "use a split or a filter that leaves some for training"
        )
    if not np.isfinite(matrix.data).all():
        raise InputError("the training matrix holds NaN or infinite values; expected finite numbers; remove those")
    return matrix


def co_occurrence_blocks(train: csr_array) -> Iterator[tuple[slice, csr_array]]:
    """Yield X'X in blocks of rows, so that no more than a few MiB of it are held at a time.

    Args:
        train: X, float32 of shape (n_users, n_items).

    Yields:
        The slice of items, and float64 CSR of shape (length of the slice, n_items).
    """
    matrix = train.astype(np.float64)
    transposed = csr_array(csc_array(matrix).T)
    n_items = matrix.shape[1]
    size = max(1, _BLOCK_ENTRIES // n_items)
    for start in range(0, n_items, size):
        block = slice(start, min(start + size, n_items))
        yield block, csr_array(transposed[block] @ matrix)


def column_norms(train: csr_array) -> AnyArray:
    """Return the Euclidean norm of each item's column, float64 of shape (n_items,)."""
    return np.sqrt(np.bincount(train.indices, weights=train.data.astype(np.float64) ** 2, minlength=train.shape[1]))
