"""Re-ranking that trades score for variety: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from llminit.arrays import FloatArray, IntArray

POOL = 200
"""Of so many of a user's best items a list is chosen; of four times its length where that is more."""


def pool_size(width: int, n_items: int) -> int:
    """Return how many of the best items are looked at to choose `width` of them."""
    return min(max(POOL, 4 * width), n_items)


def diversified(
    items: IntArray, scores: FloatArray, directions: Any, width: int, diversity: float
) -> tuple[IntArray, FloatArray]:
    """Choose lists item by item: each next one has the most of (1 - diversity) * relevance - diversity * likeness.

    Relevance is the score, from 0 to 1 over the user's pool; likeness is the largest cosine to an item that was chosen
    before. The first item is the best one, whatever the dial; of equals the better one comes first.

    Args:
        items: int64 of shape (n, pool), each user's best items, best first; -1 where there are fewer.
        scores: float32 of the same shape.
        directions: The items' vectors at length 1, of shape (n_items, any), dense or sparse.
        width: Items to choose for each user.
        diversity: From 0 to 1.

    Returns:
        Items and their scores, of shape (n, width), in the order in which they were chosen; -1 and -inf at the end
        where there are fewer.
    """
    chosen = np.full((len(items), width), -1, dtype=np.int64)
    best = np.full((len(items), width), -np.inf, dtype=np.float32)
    for row, pool in enumerate(items):
        order = _chosen(scores[row, pool >= 0], directions[pool[pool >= 0]], width, diversity)
        chosen[row, : len(order)], best[row, : len(order)] = pool[order], scores[row, order]
    return chosen, best


def _chosen(scores: FloatArray, vectors: Any, width: int, diversity: float) -> IntArray:
    spread = float(scores[0] - scores[-1]) if len(scores) else 0.0
    relevance = (
        (scores.astype(np.float64) - scores.min(initial=np.inf)) / spread if spread > 0 else np.zeros(len(scores))
    )
    likeness = np.full(len(scores), -1.0)
    order = np.empty(min(width, len(scores)), dtype=np.int64)
    is_open = np.ones(len(scores), dtype=np.bool_)
    for place in range(len(order)):
        value = (
            (1 - diversity) * relevance - diversity * likeness if place else -np.arange(len(scores), dtype=np.float64)
        )
        order[place] = np.argmax(np.where(is_open, value, -np.inf))
        is_open[order[place]] = False
        np.maximum(likeness, _cosines(vectors, int(order[place])), out=likeness)
    return order


def _cosines(vectors: Any, row: int) -> FloatArray:
    product = vectors @ vectors[[row]].T
    cosines: FloatArray = np.asarray(product.toarray() if issparse(product) else product).ravel()
    return cosines
