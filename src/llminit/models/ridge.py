"""The ridge regression of each item on all the others, solved for all items at once; dense in the items.

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019 (arXiv 1905.03375), eq. 8.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, InputError
from llminit.models.sparse import co_occurrence_blocks, row_codes, squared_lengths

_GIB = 2**30


def table_bytes(n_items: int) -> int:
    """Return the peak memory of solving in bytes: two float64 matrices of all pairs of items, and the weights."""
    return n_items**2 * (8 * 2 + 8)


def check_memory(name: str, n_items: int, allowed: float) -> None:
    """Check that solving needs no more GiB than allowed, before anything is allocated.

    Raises:
        ConfigError: 16 bytes for each pair of items are more than `allowed` GiB.
    """
    needed = n_items**2 * 8 * 2 / _GIB
    if needed > allowed:
        raise ConfigError(
            f"{name} on {n_items} items needs {needed:.1f} GiB; max_memory_gib allows {allowed:.1f}; raise "
            "max_memory_gib if the machine has that much, raise the k-core to have fewer items, or use item-knn"
        )


def dropout_penalty(train: csr_array, dropout: float, l2: float) -> NDArray[np.float64]:
    """Return EDLAE's penalty of each item's weights, l2 + p / (1 - p) diag(X'X): float64 of shape (n_items,)."""
    penalty: NDArray[np.float64] = l2 + dropout / (1 - dropout) * squared_lengths(train)
    return penalty


def ridge_weights(train: csr_array, penalty: NDArray[np.float64]) -> FloatArray:
    """Return the weights of `ridge_solution` alone."""
    return ridge_solution(train, penalty)[0]


def ridge_solution(train: csr_array, penalty: NDArray[np.float64]) -> tuple[FloatArray, NDArray[np.float64]]:
    """Solve B = I - P diag(1 / diag(P)) with P = (X'X + diag(penalty))^-1.

    Args:
        train: X, float32 of shape (n_users, n_items).
        penalty: float64 of shape (n_items,), positive; the ridge penalty of each item's weights.

    Returns:
        B, float32 of shape (n_items, n_items), zeros on the diagonal; row j holds what item j adds to every item. And
        the diagonal of P, float64 of shape (n_items,).

    Raises:
        InputError: The matrix cannot be inverted.
    """
    lower = _lower_inverse(_regularised_gram(train, penalty))
    diagonal = lower.diagonal().copy()
    weights = lower.astype(np.float32)
    del lower  # at most two float64 matrices of n_items x n_items are alive at any time
    np.fill_diagonal(weights, 0.0)
    weights = weights + weights.T
    weights /= -diagonal.astype(np.float32)
    return np.ascontiguousarray(weights), diagonal


def ridge_inverse(train: csr_array, penalty: NDArray[np.float64]) -> FloatArray:
    """Return (X'X + diag(penalty))^-1, float32 of shape (n_items, n_items).

    Args:
        train: X, float32 of shape (n_users, n_items).
        penalty: float64 of shape (n_items,), positive.

    Raises:
        InputError: The matrix cannot be inverted.
    """
    lower = _lower_inverse(_regularised_gram(train, penalty))
    diagonal = lower.diagonal().astype(np.float32)
    inverse = lower.astype(np.float32)
    del lower
    inverse = inverse + inverse.T
    np.fill_diagonal(inverse, diagonal)
    return np.ascontiguousarray(inverse)


def _regularised_gram(train: csr_array, penalty: NDArray[np.float64]) -> NDArray[np.float64]:
    gram = np.zeros((train.shape[1],) * 2, order="F")  # LAPACK's order, so that it works in place
    for block, counts in co_occurrence_blocks(train):
        gram[counts.indices, row_codes(counts) + block.start] = counts.data  # the matrix is symmetric
    gram[np.diag_indices_from(gram)] += penalty
    return gram


def _lower_inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower triangle of the inverse of a positive definite matrix, zeros above it; overwrites `gram`."""
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=1)
    if failed == 0:
        inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed != 0:
        raise InputError(
            "the item co-occurrence table cannot be inverted in double precision; expected values of a moderate size; "
            "use ones as the training matrix's values, or raise l2"
        )
    return inverse  # type: ignore[no-any-return]
