"""Why an item is recommended: the items of the history that carry its score."""

from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array, issparse

from llminit.arrays import Float64Array, FloatArray, IntArray
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.recommender.folding import leaves
from llminit.recommender.state import State


def reasons(recommender: State, items: IntArray, history: IntArray, n: int) -> pl.DataFrame:
    """Return the items of a history that carry items' scores most; see `Recommender.reasons`.

    Args:
        recommender: Whose model scores.
        items: The items to explain, codes.
        history: The distinct items of the history, codes.
        n: Most reasons for an item.
    """
    shares = _shares(recommender.model, items, history)
    shares[history[np.newaxis] == items[:, np.newaxis]] = 0  # No item is a reason for itself.
    order = np.argsort(-shares, axis=1, kind="stable")[:, :n]
    rows = np.repeat(np.arange(len(items)), order.shape[1])
    columns = order.ravel()
    kept = shares[rows, columns] > 0
    rows, columns = rows[kept], columns[kept]
    explained, because = items[rows], history[columns]
    table = pl.DataFrame(
        [
            recommender.items.ids_of(explained).alias("item_id"),
            recommender.items.ids_of(because).alias("because_id"),
            pl.Series("share", shares[rows, columns].astype(np.float32)),
        ]
    )
    if recommender.titles is None:
        return table
    titles = recommender.titles
    return table.with_columns(titles.gather(explained).alias("title"), titles.gather(because).alias("because_title"))


def _shares(model: ServingModel, items: IntArray, history: IntArray) -> Float64Array:
    """Return each history item's share of what speaks for each item, float64 of shape (len(items), len(history))."""
    total = np.zeros((len(items), len(history)))
    weights = model.weights if isinstance(model, Mixture) else (1.0,)
    for weight, part in zip(weights, leaves(model), strict=True):
        parts = _contributions(part, items, history)
        if isinstance(model, Mixture):
            parts = weight * parts / max(_spread(part, history), 1e-12)
        total += parts
    positive = np.maximum(total, 0)
    sums = positive.sum(axis=1, keepdims=True)
    shares: Float64Array = np.divide(positive, sums, out=np.zeros_like(positive), where=sums > 0)
    return shares


def _contributions(model: ServingModel, items: IntArray, history: IntArray) -> Float64Array:
    """Return what each item of the history adds to each item's score, of shape (len(items), len(history))."""
    if isinstance(model, DotProduct):
        return np.asarray(model.items[items] @ _units(model, history).T, dtype=np.float64)
    result: Float64Array = np.zeros((len(items), len(history)))
    for left, right in model.pairs if isinstance(model, ItemModel) else ():
        rows = left[history]
        product: Any = rows[:, items] if right is None else rows @ right[:, items]
        result += (product.toarray() if issparse(product) else product).T
    return result


def _spread(model: ServingModel, history: IntArray) -> float:
    """Return the standard deviation of the scores of the history, the unit in which a mixture adds them."""
    if isinstance(model, DotProduct):
        return float((model.items @ _units(model, history).sum(axis=0)).std())
    ones, indptr = np.ones(len(history), dtype=np.float32), np.array([0, len(history)])
    matrix = csr_array((ones, history, indptr), shape=(1, model.n_items))
    return float(model.scores(np.zeros(1, dtype=np.int64), matrix).std())


def _units(model: DotProduct, history: IntArray) -> FloatArray:
    vectors = model.items[history]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
