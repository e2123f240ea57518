"""EASE: the linear item-to-item model with a zero diagonal that has a closed form.

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019 (arXiv 1905.03375).
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import lapack
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.baselines.base import LinearItemModel, checked_train, co_occurrence_blocks
from llminit.config import Config
from llminit.errors import ConfigError, InputError

_GIB = 2**30


class EASE(Config):
    """Scores by weights that predict each item from all the others by ridge regression; dense in the items."""

    name: ClassVar[str] = "ease"

    l2: float = Field(default=100.0, gt=0)
    """Strength of the regulariser; sparser data needs more of it for each interaction."""
    max_memory_gib: float = Field(default=8.0, gt=0)
    """Fitting needs 16 bytes for each pair of items, and is refused where that is more GiB than this."""

    def fit(self, train: csr_array) -> LinearItemModel:
        """Solve B = I - P diag(1 / diag(P)) with P = (X'X + l2 I)^-1.

        Args:
            train: X, float32 of shape (n_users, n_items), non-zero where a user has an item in the training data.

        Raises:
            ConfigError: There are more items than `max_memory_gib` allows.
            InputError: The matrix is not sparse, is empty, holds NaN or infinite values, or cannot be inverted.
        """
        matrix = checked_train(train)
        _check_memory(matrix.shape[1], self.max_memory_gib)
        return LinearItemModel(matrix, _solve(matrix, self.l2))


def _check_memory(n_items: int, allowed: float) -> None:
    needed = n_items**2 * 8 * 2 / _GIB
    if needed > allowed:
        raise ConfigError(
            f"EASE on {n_items} items needs {needed:.1f} GiB; max_memory_gib allows {allowed:.1f}; raise "
            "max_memory_gib if the machine has that much, raise the k-core to have fewer items, or use item-knn"
        )


def _solve(matrix: csr_array, l2: float) -> FloatArray:
    lower = _lower_inverse(_regularised_gram(matrix, l2))
    diagonal = lower.diagonal().copy()
    weights = lower.astype(np.float32)
    del lower  # at most two float64 tables of n_items x n_items are alive at any time
    np.fill_diagonal(weights, 0.0)
    weights = weights + weights.T
    weights /= -diagonal.astype(np.float32)
    return np.ascontiguousarray(weights)


def _regularised_gram(matrix: csr_array, l2: float) -> NDArray[np.float64]:
    gram = np.empty((matrix.shape[1],) * 2, order="F")  # as LAPACK wants it, so that it works in place
    for block, products in co_occurrence_blocks(matrix):
        gram[:, block] = products.toarray().T  # the table is symmetric
    gram[np.diag_indices_from(gram)] += l2
    return gram


def _lower_inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower triangle of the inverse of a positive definite table, zeros above it; overwrites `gram`."""
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=1)
    if failed == 0:
        inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed != 0:
        raise InputError(
            "the item co-occurrence table cannot be inverted in double precision; expected values of a moderate size; "
            "use ones as the training matrix's values, or raise l2"
        )
    return inverse  # type: ignore[no-any-return]
