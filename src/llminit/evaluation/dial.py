"""What items gain and others lose where a dial multiplies their scores: all values of the dial from one pass.

The items that the dial moves are called cold, the others warm; cold ones are the last columns of the scores. A rank is
pessimistic about ties, as in `llminit.evaluation.ranking`; of a warm and a cold item with the same score, the one that
is ranked comes after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import Float64Array, FloatArray, IntArray
from llminit.evaluation.metrics import mean_metric, mean_metrics
from llminit.evaluation.ranking import RelevantRanks
from llminit.evaluation.scorers import Scorer, check_no_nan, score_blocks

LIST_LENGTH = 10
"""Length of the lists whose places are counted, and of those whose recall and ndcg say what warm items lose."""

DIALS: Float64Array = np.round(np.geomspace(0.05, 8, 61), 4)

_MEASURED = ("recall", "ndcg")


def measure_dial(
    scorer: Scorer,
    test: csr_array,
    cold: csr_array,
    seen: csr_array,
    *,
    dials: Sequence[float] = tuple(DIALS.tolist()),
    ks: Sequence[int] = (LIST_LENGTH,),
) -> dict[str, Any]:
    """Measure warm and cold items at each value of the dial.

    Args:
        scorer: Gives float32 scores of shape (n, n_warm + n_cold) for n user codes, those of cold items with the dial
            at 1.
        test: float32 CSR of shape (n_users, n_warm), non-zero where a warm item is wanted.
        cold: float32 CSR of shape (n_users, n_cold), the same of cold items.
        seen: float32 CSR of shape (n_users, n_warm), what is left out of each user's ranking.
        dials: Values of the dial, more than 0.
        ks: Lengths of lists.

    Returns:
        JSON values. "warm": recall@k and ndcg@k of warm items where there are no cold ones; "among_cold": the same of
        cold items where there are no warm ones; "rows": one a value of the dial, with "dial"; "warm_loss" and
        "warm_loss_ndcg@10", the relative loss of warm recall@10 and ndcg@10; recall@k and ndcg@k of cold items among
        all; "share_of_lists", the share of the places in users' lists of ten that cold items take; "most_shown", the
        share of these users who get the cold item that is shown most; "coverage", the share of cold items in any list.

    Raises:
        InputError: Scores hold NaN, or their shape is another.
    """
    users = np.flatnonzero((np.diff(test.indptr) > 0) | (np.diff(cold.indptr) > 0))
    depth = max(LIST_LENGTH, *ks)
    values = np.asarray(dials, dtype=np.float32)
    n_warm, n_cold = test.shape[1], cold.shape[1]
    shown = np.zeros((len(values), n_cold), dtype=np.int64)
    parts: list[_Block] = []
    for block, scores in score_blocks(scorer, users, n_warm + n_cold, None):
        check_no_nan(int(np.isnan(scores).any(axis=1).sum()))
        chosen = users[block]
        parts.append(_measure_block(scores, (test[chosen], cold[chosen], seen[chosen]), values, depth, shown))
        parts[-1].number(chosen)
    return _summary(_Block.joined(parts, len(values)), shown, len(users), list(dials), sorted({LIST_LENGTH, *ks}))


@dataclass(eq=False)
class _Block:
    """How many items are ranked before each wanted item of some users; m is the number of dials.

    Attributes:
        warm: int64 of shape (2, n), users and items.
        warm_ahead: int64 of shape (n,), warm items alone.
        after: int64 of shape (m, n), warm and cold ones.
        cold: int64 of shape (2, n'), users and items.
        among: int64 of shape (n',), cold items alone.
        ranks: int64 of shape (m, n'), cold and warm ones.
    """

    warm: IntArray
    warm_ahead: IntArray
    after: IntArray
    cold: IntArray
    among: IntArray
    ranks: IntArray

    def number(self, users: IntArray) -> None:
        """Give users their codes, in the place of their rows in the block."""
        self.warm[0], self.cold[0] = users[self.warm[0]], users[self.cold[0]]

    @classmethod
    def joined(cls, parts: Sequence["_Block"], n_dials: int) -> "_Block":
        none, nothing = np.zeros((2, 0), dtype=np.int64), np.zeros((n_dials, 0), dtype=np.int64)
        parts = [cls(none, none[0], nothing, none, none[0], nothing), *parts]
        names = ("warm", "warm_ahead", "after", "cold", "among", "ranks")
        return cls(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names))


def _measure_block(
    scores: FloatArray,
    matrices: tuple[csr_array, csr_array, csr_array],
    dials: FloatArray,
    depth: int,
    shown: IntArray,
) -> _Block:
    """Count what is ranked before each wanted item, and add to `shown` how often each cold item is in a list."""
    test, wanted, seen = matrices
    warm, cold = scores[:, : test.shape[1]].copy(), scores[:, test.shape[1] :]
    warm[np.repeat(np.arange(len(warm)), np.diff(seen.indptr)), seen.indices] = -np.inf
    best, (best_cold, best_ids) = _largest(warm, depth)[0], _largest(cold, depth)
    users, items = _pairs(test)
    own = warm[users, items]
    ahead = _ahead(warm, users, items, own)
    after = np.array([ahead + _at_least(best_cold[users] * dial, own) for dial in dials], dtype=np.int64)
    of_cold, cold_items = _pairs(wanted)
    own_cold = cold[of_cold, cold_items]
    among = _ahead(cold, of_cold, cold_items, own_cold)
    ranks = np.array([among + _at_least(best[of_cold], own_cold * dial) for dial in dials], dtype=np.int64)
    # The j-th best cold item is in a list where fewer than LIST_LENGTH - j + 1 warm ones are as good.
    bounds, length = best[:, LIST_LENGTH - 1 :: -1], min(LIST_LENGTH, best_cold.shape[1])
    for index, dial in enumerate(dials):
        in_list = best_cold[:, :length] * dial > bounds[:, :length]
        shown[index] += np.bincount(best_ids[:, :length][in_list], minlength=shown.shape[1])
    shape = (len(dials), -1)
    pairs = np.array([users, items]).reshape(2, -1), np.array([of_cold, cold_items]).reshape(2, -1)
    return _Block(pairs[0], ahead, after.reshape(shape), pairs[1], among, ranks.reshape(shape))


def _pairs(matrix: csr_array) -> tuple[IntArray, IntArray]:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows.astype(np.int64), matrix.indices.astype(np.int64)


def _ahead(scores: FloatArray, users: IntArray, items: IntArray, own: FloatArray) -> IntArray:
    """Return how many other items are ranked before each wanted one; of equal wanted ones, those listed before it."""
    order = np.lexsort((items, own, users))
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = (np.diff(users[order]) == 0) & (np.diff(own[order]) == 0)
    # Of each run of equal wanted items: how many come at or after an item.
    ends = np.append(np.flatnonzero(~same)[1:], len(order))
    left = np.repeat(ends, np.diff(np.append(np.flatnonzero(~same), len(order)))) - np.arange(len(order))
    not_before = np.empty(len(order), dtype=np.int64)
    not_before[order] = left
    return _at_least(scores[users], own) - not_before


def _at_least(scores: FloatArray, own: FloatArray) -> IntArray:
    """Return how many scores of each row are at least its own, int64 of shape (n,)."""
    counts: IntArray = (scores >= own[:, np.newaxis]).sum(axis=1).astype(np.int64)
    return counts


def _largest(scores: FloatArray, count: int) -> tuple[FloatArray, IntArray]:
    """Return the largest scores of each row, descending, and their columns; -inf where there are no more."""
    kept = min(count, scores.shape[1])
    columns = np.argpartition(-scores, kept - 1, axis=1)[:, :kept] if kept else np.zeros((len(scores), 0), np.int64)
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    padding = ((0, 0), (0, count - kept))
    best = np.pad(np.take_along_axis(found, order, axis=1), padding, constant_values=-np.inf)
    return best, np.pad(np.take_along_axis(columns, order, axis=1), padding)


def _summary(
    counted: _Block, shown: IntArray, n_users: int, dials: Sequence[float], ks: Sequence[int]
) -> dict[str, Any]:
    base, among = _ranks(counted.warm, counted.warm_ahead), _ranks(counted.cold, counted.among)
    rows = []
    for index, dial in enumerate(dials):
        after, cold = _ranks(counted.warm, counted.after[index]), _ranks(counted.cold, counted.ranks[index])
        lists = {
            "share_of_lists": float(shown[index].sum() / max(n_users * LIST_LENGTH, 1)),
            "most_shown": float(shown[index].max(initial=0) / max(n_users, 1)),
            "coverage": float((shown[index] > 0).mean()) if shown.shape[1] else 0.0,
        }
        losses = {"warm_loss": _loss(base, after, "recall"), "warm_loss_ndcg@10": _loss(base, after, "ndcg")}
        rows.append({"dial": float(dial), **losses, **_means(cold, ks), **lists})
    return {"warm": _means(base, ks), "among_cold": _means(among, ks), "rows": rows}


def _ranks(pairs: IntArray, ahead: IntArray) -> RelevantRanks:
    return RelevantRanks.from_rows(pairs[0], pairs[1], ahead + 1)


def _means(ranks: RelevantRanks, ks: Sequence[int]) -> dict[str, float]:
    return mean_metrics(ranks, ks, _MEASURED) if len(ranks) else {}


def _loss(before: RelevantRanks, after: RelevantRanks, metric: str) -> float:
    name = f"{metric}@{LIST_LENGTH}"
    value = mean_metric(before, name) if len(before) else 0.0
    return 1 - mean_metric(after, name) / value if value > 0 else 0.0
