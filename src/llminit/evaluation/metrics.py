"""Ranking metrics, each a function of the ranks of the relevant items; defined as RecBole defines them.

Relevance is binary. RecBole's definitions: https://recbole.io/docs/recbole/recbole.evaluator.metrics.html
"""

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import MAX_COUNT
from llminit.errors import ConfigError, InputError
from llminit.evaluation.ranking import RelevantRanks

Metric: TypeAlias = Callable[[RelevantRanks, int], Float64Array]

DEFAULT_KS = (10, 20)


def recall(ranks: RelevantRanks, k: int) -> Float64Array:
    """Share of a user's relevant items that are in the top k."""
    return _n_hits(ranks, k) / ranks.n_relevant


def precision(ranks: RelevantRanks, k: int) -> Float64Array:
    """Share of the top k that is relevant."""
    return _n_hits(ranks, k) / k


def hit(ranks: RelevantRanks, k: int) -> Float64Array:
    """1 where any relevant item is in the top k, else 0."""
    return (_n_hits(ranks, k) > 0).astype(np.float64)


def mrr(ranks: RelevantRanks, k: int) -> Float64Array:
    """1 / the rank of the first relevant item, or 0 where that is below the top k."""
    first = ranks.ranks[ranks.indptr[:-1]]
    return np.where(first <= k, 1.0 / first, 0.0)


def ndcg(ranks: RelevantRanks, k: int) -> Float64Array:
    """Sum of 1 / log2(rank + 1) over the top k, divided by the value of an ideal list of min(n_relevant, k) items."""
    gains = np.where(ranks.ranks <= k, 1.0 / np.log2(ranks.ranks + 1.0), 0.0)
    length = np.minimum(ranks.n_relevant, k)
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, length.max(initial=1) + 2)))
    values: Float64Array = _sum_by_user(ranks, gains) / ideal[length - 1]
    return values


def average_precision(ranks: RelevantRanks, k: int) -> Float64Array:
    """Sum of the precision at each relevant item in the top k, divided by min(n_relevant, k)."""
    position = np.arange(1, len(ranks.ranks) + 1) - np.repeat(ranks.indptr[:-1], ranks.n_relevant)
    precisions = np.where(ranks.ranks <= k, position / ranks.ranks, 0.0)
    return _sum_by_user(ranks, precisions) / np.minimum(ranks.n_relevant, k)


METRICS: MappingProxyType[str, Metric] = MappingProxyType(
    {"recall": recall, "ndcg": ndcg, "mrr": mrr, "hit": hit, "precision": precision, "map": average_precision}
)
"""Every metric by its name; each returns float64 of shape (m,), one value for each evaluated user."""


def parse_metric(name: str) -> tuple[str, int]:
    """Split "ndcg@10" into ("ndcg", 10).

    Raises:
        ConfigError: The metric is unknown or k is not a whole number of at least 1.
    """
    metric, _, k = name.strip().lower().partition("@")
    if metric not in METRICS or not k.isdecimal() or int(k) < 1:
        raise ConfigError(
            f"unknown metric {name!r}; expected name@k, as ndcg@10, with k at least 1 and the name one of "
            f"{', '.join(METRICS)}"
        )
    # A cutoff beyond every list is all of it.
    return metric, min(int(k), MAX_COUNT)


def per_user(ranks: RelevantRanks, metric: str) -> Float64Array:
    """Compute a metric for each evaluated user.

    Args:
        ranks: From `rank_relevant`.
        metric: As "ndcg@10".

    Returns:
        float64 of shape (m,), in the order of `ranks.users`.

    Raises:
        ConfigError: The metric is unknown or k is less than 1.
    """
    name, k = parse_metric(metric)
    return METRICS[name](ranks, k)


def mean_metric(ranks: RelevantRanks, metric: str) -> float:
    """Compute a metric's mean over the evaluated users.

    Raises:
        ConfigError: The metric is unknown or k is less than 1.
        InputError: No user was evaluated.
    """
    values = per_user(ranks, metric)
    if len(values) == 0:
        raise InputError(
            "no user has a relevant item, so there is nothing to average; expected at least one; "
            "use a split that holds items out, or data with more interactions for each user"
        )
    return float(values.mean())


def mean_metrics(
    ranks: RelevantRanks, ks: Sequence[int] = DEFAULT_KS, names: Iterable[str] = tuple(METRICS)
) -> dict[str, float]:
    """Compute the means of several metrics, keyed as "recall@10".

    Raises:
        ConfigError: A metric is unknown or a k is less than 1.
        InputError: No user was evaluated.
    """
    names = tuple(names)
    return {f"{name}@{k}": mean_metric(ranks, f"{name}@{k}") for k in ks for name in names}


def _n_hits(ranks: RelevantRanks, k: int) -> Float64Array:
    return _sum_by_user(ranks, (ranks.ranks <= k).astype(np.float64))


def _sum_by_user(ranks: RelevantRanks, values: Float64Array) -> Float64Array:
    if len(ranks) == 0:
        return np.empty(0, dtype=np.float64)
    # Every user has at least one rank: reduceat is wrong for empty segments.
    return np.add.reduceat(values, ranks.indptr[:-1])
