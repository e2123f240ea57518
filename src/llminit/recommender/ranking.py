"""The best items of users and the nearest of items, block by block, and how they go out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import issparse

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.evaluation.top_items import best_items
from llminit.models.serving import Factor, ServingModel
from llminit.progress import SILENT, Reporter
from llminit.recommender.choice import Candidates
from llminit.recommender.diversity import diversified, pool_size
from llminit.recommender.few import are_few, best_of_few

_BLOCK_BYTES = 64 * 2**20


def best_lists(
    model: ServingModel,
    seen: sp.csr_array,
    rows: IntArray,
    counts: IntArray,
    chosen: Candidates,
    *,
    exclude_seen: bool = True,
    diversity: float = 0.0,
    directions: Any = None,
    reporter: Reporter = SILENT,
) -> tuple[IntArray, FloatArray]:
    """Return the best items of users and their scores, of shape (n, longest); -1 and -inf where there are fewer.

    Args:
        model: Scores every item.
        seen: What each of the model's users has, float32 CSR of shape (n_users, n_items).
        rows: Whose lists, int64 of shape (n,): the model's user codes.
        counts: How many items each gets, int64 of shape (n,).
        chosen: The items that may be recommended.
        exclude_seen: Leave out what the user has.
        diversity: The dial of `diversified`; 0 ranks by score alone.
        directions: The items' vectors at length 1; needed where the dial is above 0.
        reporter: Receives progress.
    """
    width = min(int(counts.max(initial=1)), model.n_items)
    wide = pool_size(width, model.n_items) if diversity else width
    items = np.full((len(rows), width), -1, dtype=np.int64)
    best = np.full((len(rows), width), -np.inf, dtype=np.float32)
    with reporter.task("recommending", len(rows)) as task:
        for block in _blocks(len(rows), model.n_items):
            users, history = rows[block], seen[rows[block]]
            if are_few(model, len(users), wide):
                found = best_of_few(model, users, wide, chosen, history if exclude_seen else None)
            else:
                scores = model.scores(users, history)
                chosen.remove(scores, users)
                if exclude_seen:
                    scores[np.repeat(np.arange(len(scores)), np.diff(history.indptr)), history.indices] = -np.inf
                found = best_items(scores, wide)
            items[block], best[block] = diversified(*found, directions, width, diversity) if diversity else found
            task.advance(len(users))
    beyond = np.arange(width) >= counts[:, np.newaxis]
    items[beyond], best[beyond] = -1, -np.inf
    return items, best


def most_similar(directions: Any, codes: IntArray, k: int, removed: BoolArray | None) -> tuple[IntArray, FloatArray]:
    """Return the items with the highest cosines to some items and the cosines, of shape (n, k).

    Args:
        directions: The items' vectors at length 1, of shape (n_items, any), dense or sparse.
        codes: Item codes, int64 of shape (n,); no item is similar to itself.
        k: How many, at most n_items.
        removed: bool of shape (n_items,), what is similar to none; None for nothing.
    """
    n_items = directions.shape[0]
    items = np.full((len(codes), k), -1, dtype=np.int64)
    best = np.full((len(codes), k), -np.inf, dtype=np.float32)
    for block in _blocks(len(codes), n_items):
        product = directions[codes[block]] @ directions.T
        cosines = np.asarray(product.toarray() if issparse(product) else product, dtype=np.float32)
        cosines[np.arange(len(cosines)), codes[block]] = -np.inf
        if removed is not None:
            np.copyto(cosines, -np.inf, where=removed)
        items[block], best[block] = best_items(cosines, k)
    return items, best


def directions_of(vectors: Factor) -> Any:
    """Return items' vectors at length 1, float32 of the same shape, dense or sparse as they are."""
    if not isinstance(vectors, np.ndarray):
        lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        return sp.csr_array(sp.diags_array(1 / np.maximum(lengths, 1e-12)) @ vectors)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


def _blocks(n_rows: int, n_items: int) -> Iterator[slice]:
    size = max(1, _BLOCK_BYTES // (8 * max(1, n_items)))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
