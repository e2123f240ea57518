"""Compiled counting of higher scores; each kernel has a slow twin in the tests."""

import numpy as np
from numba import prange

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import kernel


@kernel(parallel=True)
def rank_block(
    scores: FloatArray,
    relevant_indptr: IntArray,
    relevant_items: IntArray,
    seen_indptr: IntArray,
    seen_items: IntArray,
    masked: IntArray,
    unmasked: IntArray,
    n_nan: IntArray,
) -> None:
    """Fill the masked and unmasked ranks of each user's relevant items, ascending, and count each user's NaN scores.

    Args:
        scores: float32 of shape (n, n_items).
        relevant_indptr: int64 of shape (n + 1,); the bounds of each user's relevant items.
        relevant_items: int64 of shape (n_relevant,).
        seen_indptr: int64 of shape (n + 1,); the bounds of each user's seen items.
        seen_items: int64 of shape (n_seen,); disjoint from the user's relevant items.
        masked: int64 of shape (n_relevant,), filled: ranks with the seen items removed.
        unmasked: int64 of shape (n_relevant,), filled: ranks among all items.
        n_nan: int64 of shape (n,), filled.
    """
    for row in prange(scores.shape[0]):
        n_nan[row] = _count_nan(scores[row])
        start, stop = relevant_indptr[row], relevant_indptr[row + 1]
        seen_scores = scores[row][seen_items[seen_indptr[row] : seen_indptr[row + 1]]]
        ascending = np.sort(scores[row][relevant_items[start:stop]])
        # From the worst relevant item to the best: equal ones share one count and take consecutive ranks.
        at_least, seen_at_least, equal_below = 0, 0, 0
        for index in range(stop - start):
            if index > 0 and ascending[index] == ascending[index - 1]:
                equal_below += 1
            else:
                equal_below = 0
                at_least = _count_at_least(scores[row], ascending[index])
                seen_at_least = _count_at_least(seen_scores, ascending[index])
            unmasked[stop - 1 - index] = at_least - equal_below
            masked[stop - 1 - index] = at_least - seen_at_least - equal_below


@kernel()
def _count_at_least(values: FloatArray, threshold: float) -> int:
    count = 0
    for index in range(values.shape[0]):
        count += values[index] >= threshold
    return count


@kernel()
def _count_nan(values: FloatArray) -> int:
    count = 0
    for index in range(values.shape[0]):
        count += np.isnan(values[index])
    return count
