"""The k best items of each user, in an order that is the same on every machine."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.errors import InputError
from llminit.evaluation.scorers import BLOCK_BYTES, Scorer, canonical, check_no_nan, checked_users, score_blocks
from llminit.progress import SILENT, Reporter

_NO_CANDIDATE = np.iinfo(np.int64).max
_GROUP = 64  # columns of which the largest score is taken first
_BYTES_PER_SCORE = 24  # the score, its 64-bit key, the partitioned copy of the key, and temporary arrays


def top_k(
    scorer: Scorer,
    users: IntArray,
    k: int,
    seen: csr_array | None = None,
    *,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> tuple[IntArray, FloatArray]:
    """Find the k best items of each user, best first; of equal scores, the lower item code comes first.

    Args:
        scorer: Gives float32 scores of shape (n, n_items) for n user codes.
        users: int64 of shape (m,), user codes.
        k: Number of items for each user.
        seen: Shape (n_users, n_items); non-zero where an item must not be recommended. None removes nothing.
        block_size: Users scored at a time; None keeps the working memory near 64 MiB. It never changes the result.
        reporter: Receives the progress, in users.

    Returns:
        Item codes, int64 of shape (m, k), and their scores, float32 of shape (m, k). A user with fewer than k
        candidates gets -1 and -inf at the end.

    Raises:
        InputError: k or the block size is less than 1, shapes differ, a user code is out of range, or scores hold NaN.
    """
    if k < 1:
        raise InputError(f"k={k}; expected at least 1 item for each user; raise k")
    seen = None if seen is None else canonical(seen, "seen")
    users = np.asarray(users, dtype=np.int64).reshape(-1) if seen is None else checked_users(users, seen.shape[0])
    n_items = _width(scorer, users) if seen is None else seen.shape[1]
    items = np.full((len(users), k), -1, dtype=np.int64)
    best = np.full((len(users), k), -np.inf, dtype=np.float32)
    size = max(1, BLOCK_BYTES // (_BYTES_PER_SCORE * max(1, n_items))) if block_size is None else block_size
    with reporter.task("recommending", len(users)) as task:
        for block, scores in score_blocks(scorer, users, n_items, size):
            check_no_nan(int(np.isnan(scores).any(axis=1).sum()))
            _fill_best(scores, None if seen is None else seen[users[block]], items[block], best[block])
            task.advance(len(scores))
    return items, best


def best_items(scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Return the k best items of each row, best first; of equal scores, the lower item code comes first.

    Args:
        scores: float32 of shape (n, n_items); -inf is never returned.
        k: How many, at most n_items.

    Returns:
        Item codes, int64 of shape (n, k), and their scores; -1 and -inf where a row has fewer.

    Raises:
        InputError: Scores hold NaN.
    """
    check_no_nan(int(np.isnan(scores).any(axis=1).sum()))
    items = np.full((len(scores), k), -1, dtype=np.int64)
    best = np.full((len(scores), k), -np.inf, dtype=np.float32)
    for row, values in enumerate(scores):
        columns = _columns_with_the_best(values, k)
        # Partitioning takes ten times as long where most values are equal.
        candidates = columns[values[columns] > -np.inf]
        count = min(k, len(candidates))
        if not count:
            continue
        # The k-th largest value first, then its row is looked at once more: no key for every item is made.
        kept = values[candidates]
        threshold = np.partition(kept, len(kept) - count)[len(kept) - count]
        columns = candidates[kept >= threshold]
        columns = columns[np.lexsort((columns, -values[columns]))][:count]
        items[row, :count], best[row, :count] = columns, values[columns]
    return items, best


def _columns_with_the_best(values: FloatArray, k: int) -> IntArray:
    """Return ascending columns that hold the k best items and all that equal the k-th, without looking at each twice.

    Of consecutive columns the largest value is taken, which is one fast pass. The k-th largest of these is at most the
    k-th largest of all, so groups whose largest is below it hold none of the best.
    """
    n_groups = len(values) // _GROUP
    if n_groups < 4 * k:
        return np.arange(len(values))
    largest = values[: n_groups * _GROUP].reshape(n_groups, _GROUP).max(axis=1)
    groups = np.flatnonzero(largest >= np.partition(largest, n_groups - k)[n_groups - k])
    columns = (groups[:, np.newaxis] * _GROUP + np.arange(_GROUP)).ravel()
    return np.append(columns, np.arange(n_groups * _GROUP, len(values)))


def _fill_best(scores: FloatArray, seen: csr_array | None, items: IntArray, best: FloatArray) -> None:
    keys = _sortable_keys(scores)
    if seen is not None:
        rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
        keys[rows, seen.indices] = _NO_CANDIDATE
    count = min(items.shape[1], keys.shape[1])
    if count == 0:
        return
    if count < keys.shape[1]:
        keys = np.partition(keys, count - 1, axis=1)[:, :count]
    keys = np.sort(keys, axis=1)
    is_candidate = keys != _NO_CANDIDATE
    codes = np.where(is_candidate, keys & 0xFFFFFFFF, -1)
    items[:, :count] = codes
    best[:, :count] = np.where(is_candidate, np.take_along_axis(scores, np.maximum(codes, 0), axis=1), -np.inf)


def _sortable_keys(scores: FloatArray) -> NDArray[np.int64]:
    """Pack score and item code into one integer that sorts by falling score, then rising code: no two are equal."""
    # IEEE 754: the bits of positive floats sort as integers do, those of negative floats the other way round.
    bits = (scores + np.float32(0.0)).view(np.int32)  # adding 0.0 turns -0.0 into 0.0, which it equals
    rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    keys = (~rising).astype(np.int64)
    keys <<= 32
    keys |= np.arange(scores.shape[1], dtype=np.int64)
    return keys


def _width(scorer: Scorer, users: IntArray) -> int:
    return int(np.asarray(scorer(users[:1])).shape[-1])
