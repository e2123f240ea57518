"""Slow, obvious versions of groups and of the measures beyond accuracy."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from oracles_ranking import SLOW_METRICS

from llminit.arrays import Float64Array, IntArray

BINS = {"0": (0, 0), "1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10+": (10, math.inf)}


def slow_bin(count: int) -> str:
    """The bin whose bounds hold the count."""
    return next(name for name, (low, high) in BINS.items() if low <= count <= high)


def slow_third(counts: Sequence[int], count: int) -> str:
    """Where the middle of the interactions of all members with this count lies, the largest counts first."""
    if count == 0:
        return "tail"
    above = sum(other for other in counts if other > count)
    middle = above + sum(other for other in counts if other == count) / 2
    return "head" if 3 * middle < sum(counts) else "mid" if 3 * middle < 2 * sum(counts) else "tail"


def slow_grouped(
    rows: Sequence[tuple[int, int, int]],
    degrees: IntArray,
    popularity: IntArray,
    ks: Sequence[int],
    names: Sequence[str],
) -> dict[tuple[str, str, int], tuple[int, float]]:
    """From (user, item, rank) rows: a dictionary of lists for each group, metric and k, averaged."""
    lists: dict[tuple[str, str, int], list[float]] = {}
    by_user = {user: sorted(rank for other, _, rank in rows if other == user) for user, _, _ in rows}
    queries = [("user_degree", degrees, user, ranks) for user, ranks in by_user.items()]
    queries += [("item_popularity", popularity, item, [rank]) for _, item, rank in rows]
    for prefix, counts, code, ranks in queries:
        count = counts[code]
        groups = [f"{prefix}={slow_bin(count)}", f"{prefix}={slow_third(list(counts), count)}"]
        for group in [*groups, *(["all"] if prefix == "user_degree" else [])]:
            for k, name in itertools.product(ks, names):
                lists.setdefault((group, name, k), []).append(SLOW_METRICS[name](ranks, k))
    return {key: (len(values), sum(values) / len(values)) for key, values in lists.items()}


def slow_gini(counts: Sequence[int]) -> float:
    """Half the relative mean absolute difference between all pairs, including pairs of an item with itself."""
    n = len(counts)
    differences = sum(abs(a - b) for a in counts for b in counts)
    return differences / (2 * n * sum(counts))


def slow_diversity(lists: list[list[int]], text: Float64Array) -> float:
    """One minus the cosine of each pair of each list, averaged per list, then over lists; zero rows have no text."""
    with_text = [row for row in text if row.any()]
    mean = np.mean(with_text, axis=0) if with_text else 0
    centred = [row - mean if row.any() else row for row in text]
    means = []
    for items in lists:
        pairs = list(itertools.combinations(items, 2))
        if pairs:
            means.append(sum(1 - _cosine(centred[a], centred[b]) for a, b in pairs) / len(pairs))
    return sum(means) / len(means)


def slow_beyond_accuracy(lists: list[list[int]], popularity: IntArray, n_users: int) -> dict[str, float]:
    """Walk every list of item codes."""
    lists = [items for items in lists if items]
    counts = Counter(item for items in lists for item in items)
    shares = [max(1, count) / n_users for count in popularity]
    interactions = [count for count in popularity for _ in range(count)]
    arp = np.mean([np.mean([popularity[item] for item in items]) for items in lists])
    return {
        "coverage": len(counts) / len(popularity),
        "gini": slow_gini([counts[item] for item in range(len(popularity))]),
        "novelty": np.mean([np.mean([-math.log2(shares[item]) for item in items]) for items in lists]),
        "popularity_bias": arp / np.mean(interactions),
    }


def _cosine(a: Float64Array, b: Float64Array) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0
