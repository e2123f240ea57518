"""Full ranking as evaluators of runs and qrels do it: a top-k list for each user, then metrics over the lists.

The scores come in blocks by matrix products, as in LLMInit. Each user's seen items are masked, the top k are taken by
`argpartition` and sorted, and a compiled loop over users compares each list with the user's relevant items (like
ranx, whose metrics are numba functions over sorted lists).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit, prange

K = 10
METRICS = ("recall@10", "mrr@10", "ndcg@10", "hit@10", "precision@10")
BLOCK = 1024


def rank_per_user(users: Any, items: Any, arrays: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean metrics at 10 over the users with a test item.

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        arrays: `train_users`, `train_items` and so on, for train, valid and test.
    """
    n_users = len(users)
    relevant = _lists(arrays["test_users"], arrays["test_items"], n_users)
    seen = _lists(
        np.concatenate([arrays["train_users"], arrays["valid_users"]]),
        np.concatenate([arrays["train_items"], arrays["valid_items"]]),
        n_users,
    )
    tested = np.flatnonzero(np.diff(relevant[0]))
    top = np.empty((len(tested), K), dtype=np.int64)
    for start in range(0, len(tested), BLOCK):
        block = tested[start : start + BLOCK]
        scores = users[block] @ items.T
        for row, user in enumerate(block):
            top[start + row] = _top_k(scores[row], seen[1][seen[0][user] : seen[0][user + 1]])
    values = _metrics(top, tested, *relevant)
    return dict(zip(METRICS, values.mean(axis=0).tolist(), strict=True))


def _lists(users: Any, items: Any, n_users: int) -> tuple[Any, Any]:
    order = np.lexsort((items, users))
    bounds = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    return bounds, items[order]


def _top_k(scores: Any, seen: Any) -> Any:
    scores[seen] = -np.inf
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best], kind="stable")]


@njit(cache=True, parallel=True)
def _metrics(top: Any, users: Any, bounds: Any, items: Any) -> Any:
    values = np.zeros((len(users), 5))
    for row in prange(len(users)):
        relevant = items[bounds[users[row]] : bounds[users[row] + 1]]
        n_hits, first, gain, ideal = 0, 0.0, 0.0, 0.0
        for rank in range(K):
            if rank < len(relevant):
                ideal += 1 / np.log2(rank + 2)
            if np.any(relevant == top[row, rank]):
                n_hits += 1
                gain += 1 / np.log2(rank + 2)
                if first == 0:
                    first = 1 / (rank + 1)
        values[row, 0], values[row, 1], values[row, 2] = n_hits / len(relevant), first, gain / ideal
        values[row, 3], values[row, 4] = min(n_hits, 1), n_hits / K
    return values
