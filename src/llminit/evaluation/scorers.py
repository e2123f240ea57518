"""Scorers: functions from user codes to the scores of every item, called for one block of users at a time."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_array, issparse

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import InputError

Scorer: TypeAlias = Callable[[IntArray], FloatArray]
"""Takes user codes, int64 of shape (n,); returns float32 of shape (n, n_items), the scores of every item."""

BLOCK_BYTES = 64 * 2**20
"""The memory of one block of scores, unless the caller gives a block size."""


def factor_scorer(user_embeddings: FloatArray, item_embeddings: FloatArray) -> Scorer:
    """Score by the dot product of a user's and an item's embedding.

    Args:
        user_embeddings: float32 of shape (n_users, d).
        item_embeddings: float32 of shape (n_items, d).

    Raises:
        InputError: The two are not two-dimensional arrays of the same width.
    """
    shapes = (user_embeddings.shape, item_embeddings.shape)
    if user_embeddings.ndim != 2 or item_embeddings.ndim != 2 or shapes[0][1] != shapes[1][1]:
        raise InputError(
            f"user embeddings of shape {shapes[0]} and item embeddings of shape {shapes[1]} cannot be multiplied; "
            "expected (n_users, d) and (n_items, d); pass two arrays of the same width"
        )
    transposed = item_embeddings.T
    return lambda users: np.asarray(user_embeddings[users] @ transposed, dtype=np.float32)


def matrix_scorer(scores: FloatArray) -> Scorer:
    """Score by looking a user up in a table of all scores, float32 of shape (n_users, n_items)."""
    return lambda users: scores[users]


def score_blocks(
    scorer: Scorer, users: IntArray, n_items: int, block_size: int | None
) -> Iterator[tuple[slice, FloatArray]]:
    """Yield the scores of consecutive blocks of users, each with the slice of `users` that it covers.

    Args:
        scorer: Returns the scores.
        users: int64 of shape (n,).
        n_items: Number of scores that each user must get.
        block_size: Users in a block; None takes as many as fit `BLOCK_BYTES`.

    Raises:
        InputError: The block size is less than 1, or the scorer returns another shape.
    """
    size = checked_block_size(block_size, n_items)
    for start in range(0, len(users), size):
        block = slice(start, min(start + size, len(users)))
        scores = np.ascontiguousarray(scorer(users[block]), dtype=np.float32)
        expected = (block.stop - block.start, n_items)
        if scores.shape != expected:
            raise InputError(
                f"the scorer returned scores of shape {scores.shape}; expected {expected}, a row for each user and a "
                "column for each item; correct the scorer, or pass matrices with as many items as it scores"
            )
        yield block, scores


def checked_block_size(block_size: int | None, n_items: int) -> int:
    """Return the number of users in a block.

    Raises:
        InputError: The block size is less than 1.
    """
    if block_size is None:
        return max(1, BLOCK_BYTES // (4 * max(1, n_items)))
    if block_size < 1:
        raise InputError(f"block_size={block_size}; expected at least 1 user in a block; raise it or leave it out")
    return block_size


def check_no_nan(n_users: int) -> None:
    """Check that no user's scores hold NaN.

    Raises:
        InputError: `n_users`, the number of users with NaN scores, is not 0.
    """
    if n_users:
        raise InputError(
            f"the scores of {n_users} users in one block hold NaN; expected numbers, because NaN has no rank; "
            "check the embeddings for NaN or infinite values, or train with a lower learning rate"
        )


def canonical(matrix: Any, what: str) -> csr_array:
    """Return a users-by-items matrix as a CSR array with sorted, distinct, non-zero entries; the input is not changed.

    Raises:
        InputError: The matrix is not a scipy sparse matrix.
    """
    if not issparse(matrix):
        raise InputError(f"{what} is a {type(matrix).__name__}; expected a scipy.sparse matrix; wrap it in csr_array")
    result = csr_array(matrix, copy=True)
    result.sum_duplicates()
    result.eliminate_zeros()
    return result


def checked_users(users: AnyArray, n_users: int) -> IntArray:
    """Return user codes as int64.

    Raises:
        InputError: A code is not in 0..n_users-1.
    """
    codes = np.asarray(users, dtype=np.int64).reshape(-1)
    wrong = codes[(codes < 0) | (codes >= n_users)]
    if len(wrong):
        raise InputError(
            f"{len(wrong)} user codes are out of range (the first is {wrong[0]}); expected 0 to {n_users - 1}; "
            "pass codes, not ids"
        )
    return codes
