"""Slow, obvious versions of what the data package does with arrays."""

from collections import Counter
from collections.abc import Iterable, Sequence


def slow_k_core(pairs: Iterable[tuple[int, int]], k: int) -> list[tuple[int, int]]:
    """Remove users and items with fewer than k pairs, one round after the other, until none is left to remove."""
    kept = list(pairs)
    while True:
        users, items = Counter(user for user, _ in kept), Counter(item for _, item in kept)
        still = [(user, item) for user, item in kept if users[user] >= k and items[item] >= k]
        if len(still) == len(kept):
            return still
        kept = still


def slow_first_of_each_pair(rows: Iterable[tuple[int, int, float | None]]) -> list[int]:
    """Return the positions of the rows (user, item, time or None) that are their pair's first in time, else by row."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for position, (user, item, time) in enumerate(rows):
        key = (float("inf") if time is None else time, position)
        best[user, item] = min(best.get((user, item), key), key)
    return sorted(position for _, position in best.values())


def slow_temporal_parts(rows: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int], str]:
    """Return {(user, item): part} for rows (user, item, time): each user's last is test, the one before is valid."""
    parts: dict[tuple[int, int], str] = {}
    for user in {row[0] for row in rows}:
        user_rows = sorted((row for row in rows if row[0] == user), key=lambda row: row[2])
        names = ["train"] * len(user_rows)
        if len(user_rows) >= 3:
            names[-2:] = ["valid", "test"]
        parts |= {(user, row[1]): name for row, name in zip(user_rows, names, strict=True)}
    return parts
