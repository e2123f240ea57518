"""Sparse matrices for the baselines: products in blocks, the largest entries of each row, degrees and their powers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from llminit.arrays import AnyArray, IntArray

_BLOCK_ENTRIES = 2**21


def product_blocks(left: csr_array, right: csr_array) -> Iterator[tuple[slice, csr_array]]:
    """Yield left @ right in blocks of rows, so that no more than a few MiB of it are held at a time.

    Args:
        left: Shape (n, m).
        right: Shape (m, n_columns).

    Yields:
        The slice of rows, and float64 CSR of shape (length of the slice, n_columns).
    """
    left, right = csr_array(left, dtype=np.float64), csr_array(right, dtype=np.float64)
    bounds = _block_bounds(left, right)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield slice(start, stop), csr_array(left[start:stop] @ right)


def _block_bounds(left: csr_array, right: csr_array) -> IntArray:
    """Return the bounds of blocks of at least one row and, where that allows it, about `_BLOCK_ENTRIES` entries."""
    max_entries = csr_array((np.ones(left.nnz), left.indices, left.indptr), shape=left.shape) @ np.diff(right.indptr)
    before = np.cumsum(np.minimum(max_entries, right.shape[1])) // _BLOCK_ENTRIES
    starts = 1 + np.flatnonzero(np.diff(before))
    return np.concatenate([[0], starts, [left.shape[0]]])


def co_occurrence_blocks(train: csr_array) -> Iterator[tuple[slice, csr_array]]:
    """Yield X'X in blocks of rows; X is float32 of shape (n_users, n_items)."""
    return product_blocks(csr_array(train.T), train)


def row_codes(matrix: csr_array) -> IntArray:
    """Return the row of each stored entry, int64 of shape (nnz,), ascending."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def entries(block: csr_array, first: int) -> tuple[IntArray, IntArray, AnyArray]:
    """Return a block's entries off the matrix's diagonal: rows in the block, columns, values.

    Args:
        block: Shape (n, n_items), rows `first` and following of a matrix of shape (n_items, n_items).
        first: The matrix row that is the block's row 0.
    """
    rows = row_codes(block)
    off_diagonal = block.indices != rows + first
    return rows[off_diagonal], block.indices[off_diagonal], block.data[off_diagonal]


def nearest(rows: IntArray, columns: IntArray, values: AnyArray, shape: tuple[int, int], k: int) -> csr_array:
    """Keep the k largest values of each row, float32; of equal ones, those in lower columns.

    Args:
        rows: int64 of shape (n,), the row of each value, ascending.
        columns: int64 of shape (n,), each once in a row.
        values: Numbers of shape (n,), none of them NaN.
        shape: The shape of the matrix.
        k: How many to keep, at least 1.
    """
    from llminit.compiled.largest import mark_largest  # serving does not need numba, which takes seconds to load

    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    kept = np.empty(len(rows), dtype=np.bool_)
    mark_largest(indptr, columns, values, k, kept)
    return csr_array((values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=shape)


def ones(train: csr_array) -> csr_array:
    """Return the same interactions, float64, each with the value 1."""
    return csr_array((np.ones(train.nnz), train.indices, train.indptr), shape=train.shape)


def degrees(train: csr_array) -> tuple[IntArray, IntArray]:
    """Count interactions: int64 of shape (n_users,) and int64 of shape (n_items,)."""
    return np.diff(train.indptr).astype(np.int64), np.bincount(train.indices, minlength=train.shape[1])


def squared_lengths(train: csr_array) -> NDArray[np.float64]:
    """Return the squared Euclidean length of each item's column, float64 of shape (n_items,)."""
    squares = train.data.astype(np.float64) ** 2
    return np.asarray(np.bincount(train.indices, weights=squares, minlength=train.shape[1]), dtype=np.float64)


def power(counts: IntArray, exponent: float) -> NDArray[np.float64]:
    """Raise counts to a power, float64 of the same shape; 0 stays 0, the weight of nodes without interactions."""
    return np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** exponent, 0.0)


def normalized(train: csr_array) -> csr_array:
    """Return D_U^-1/2 R D_I^-1/2, float64 of the same shape, R being ones and D the degrees of users and items."""
    by_user, by_item = (diags_array(power(counts, -0.5)) for counts in degrees(train))
    return csr_array(by_user @ ones(train) @ by_item)
