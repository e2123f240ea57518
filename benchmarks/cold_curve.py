"""What cold items gain and cost, for any scores: the dial multiplies those of cold items."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import Float64Array, FloatArray, IntArray

K = 10
GRID: Float64Array = np.linspace(0, 0.1, 21)
"""The losses that are kept in result files."""
DIALS: Float64Array = np.geomspace(0.05, 8, 61)
_KEPT = 3 * K


def measured(warm: FloatArray, cold: FloatArray, test: csr_array, seen: csr_array, wanted: csr_array) -> dict[str, Any]:
    """Return recall@10 of warm and cold items at each value of the dial.

    Args:
        warm: float32 of shape (n_users, n_warm), scores; overwritten where a user has the item.
        cold: float32 of shape (n_users, n_cold), scores with the dial at 1.
        test: Warm test interactions.
        seen: What each user has.
        wanted: The interactions with cold items.

    Returns:
        "warm", recall@10 without cold items; "among_cold", recall@10 of cold items among cold items alone; "rows", one
        a value of the dial; "natural", the row at 1. "share_of_lists" is the share of all users' ten places that go to
        cold items, "most_shown" the share of users who get the cold item that is shown most.
    """
    warm = warm.copy()
    warm[np.repeat(np.arange(len(warm)), np.diff(seen.indptr)), seen.indices] = -np.inf
    best = -np.sort(np.partition(-warm, _KEPT, axis=1)[:, :_KEPT], axis=1)
    users, items = test.nonzero()
    scores = warm[users, items]
    ahead = (warm[users] > scores[:, np.newaxis]).sum(axis=1)
    of_cold, cold_items = wanted.nonzero()
    own = cold[of_cold, cold_items]
    among = (cold[of_cold] > own[:, np.newaxis]).sum(axis=1)
    ids = np.argpartition(-cold, K - 1, axis=1)[:, :K]
    ids = np.take_along_axis(ids, np.argsort(-np.take_along_axis(cold, ids, axis=1), axis=1), axis=1)
    shown = np.take_along_axis(cold, ids, axis=1)

    def row(dial: float) -> dict[str, float]:
        factor = np.float32(dial)
        after = ahead + (cold[users] * factor > scores[:, np.newaxis]).sum(axis=1)
        ranks = among + (best[of_cold] > (own * factor)[:, np.newaxis]).sum(axis=1)
        # The j-th of the cold items is in the list where fewer than K - j warm ones are above it.
        in_list = shown * factor > best[:, K - 1 :: -1]
        return {
            "dial": dial,
            "share_of_lists": float(in_list.mean()),
            "most_shown": float(np.bincount(ids[in_list], minlength=cold.shape[1]).max() / len(cold)),
            "warm_loss": 1 - _per_user(after, users) / _per_user(ahead, users),
            "warm_loss_ndcg@10": 1 - _gains(after) / _gains(ahead),
            "recall@10": _per_user(ranks, of_cold),
            "per_interaction": float((ranks < K).mean()),
        }

    rows = [row(float(dial)) for dial in DIALS]
    return {
        "warm": _per_user(ahead, users),
        "among_cold": _per_user(among, of_cold),
        "n_interactions": len(own),
        "rows": rows,
        "natural": row(1.0),
    }


def recall_at(curve: dict[str, Any], loss: float) -> float:
    """Return the recall@10 of cold items where warm ones lose so much, between two values of the dial."""
    return value_at(curve, "recall@10", loss)


def value_at(curve: dict[str, Any], name: str, loss: float) -> float:
    """Return another number of the rows there."""
    losses = np.maximum.accumulate([row["warm_loss"] for row in curve["rows"]])
    return float(np.interp(loss, losses, [row[name] for row in curve["rows"]]))


def thinned(curve: dict[str, Any]) -> dict[str, Any]:
    """Return a curve whose rows are at the losses of `GRID` alone."""
    names = ("dial", "recall@10", "share_of_lists", "most_shown")
    rows = [{"warm_loss": loss, **{name: value_at(curve, name, loss) for name in names}} for loss in GRID.tolist()]
    return {**curve, "rows": rows}


def _per_user(ahead: IntArray, users: IntArray) -> float:
    counts, hits = np.bincount(users), np.bincount(users, weights=ahead < K)
    return float((hits[counts > 0] / counts[counts > 0]).mean())


def _gains(ahead: IntArray) -> float:
    return float(np.where(ahead < K, 1 / np.log2(ahead + 2.0), 0.0).mean())
