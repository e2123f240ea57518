"""Slow, obvious versions of ranking and of the metrics."""

import math
from collections.abc import Sequence

from llminit.arrays import FloatArray


def slow_ranks(scores: FloatArray, relevant: set[int], removed: set[int]) -> list[int]:
    """Sort all candidates, the relevant ones last among equal scores; return the relevant ones' ranks."""
    candidates = [item for item in range(len(scores)) if item not in removed]
    ordered = sorted(candidates, key=lambda item: (-scores[item], item in relevant))
    return [rank for rank, item in enumerate(ordered, start=1) if item in relevant]


def slow_top_k(scores: FloatArray, k: int, removed: set[int]) -> list[int]:
    """Sort all candidates by falling score, then rising item code."""
    candidates = [item for item in range(len(scores)) if item not in removed]
    items = sorted(candidates, key=lambda item: (-scores[item], item))[:k]
    return items + [-1] * (k - len(items))


def slow_recall(ranks: Sequence[int], k: int) -> float:
    """Hits over relevant items."""
    return sum(rank <= k for rank in ranks) / len(ranks)


def slow_precision(ranks: Sequence[int], k: int) -> float:
    """Hits over k."""
    return sum(rank <= k for rank in ranks) / k


def slow_hit(ranks: Sequence[int], k: int) -> float:
    """Any hit."""
    return float(any(rank <= k for rank in ranks))


def slow_mrr(ranks: Sequence[int], k: int) -> float:
    """One over the first hit's rank."""
    return max((1 / rank for rank in ranks if rank <= k), default=0.0)


def slow_ndcg(ranks: Sequence[int], k: int) -> float:
    """Walk the list of length k and the ideal list of length k."""
    gained = sum(1 / math.log2(rank + 1) for rank in range(1, k + 1) if rank in ranks)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, k + 1) if rank <= len(ranks))
    return gained / ideal


def slow_map(ranks: Sequence[int], k: int) -> float:
    """Walk the list of length k, adding the precision so far at every hit."""
    total = sum(sum(other <= rank for other in ranks) / rank for rank in range(1, k + 1) if rank in ranks)
    return total / min(len(ranks), k)


SLOW_METRICS = {
    "recall": slow_recall,
    "precision": slow_precision,
    "hit": slow_hit,
    "mrr": slow_mrr,
    "ndcg": slow_ndcg,
    "map": slow_map,
}
