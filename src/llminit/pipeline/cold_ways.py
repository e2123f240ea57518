"""How models rank items that training has never seen: the model of all items, warm ones first and cold ones last.

Beside what a fitted recommender does, by its maps, there are two ways that learn nothing: text kNN, and the mean
popularity of an item's category.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, FloatArray
from llminit.data import HeldOut
from llminit.models.serving import ItemModel, ServingModel
from llminit.models.text_rows import centre_of, unit_rows
from llminit.pipeline.cold_split import ColdSplit
from llminit.pipeline.learned import Learned
from llminit.recommender import FoldIn, TextRecipe
from llminit.recommender.folding import with_folded

TEXT_KNN, CATEGORY_POPULARITY = "text-knn", "category-popularity"

N_NEIGHBOURS = 1024
"""How many items of like text count towards an item in text kNN: with more, it finds no more on Amazon Beauty."""
_MAX_WEIGHTS = 2**26
"""Of a catalogue with more pairs than this, fewer count."""
_POWER = 4
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class WholeModel:
    """A model of all items.

    Attributes:
        model: Scores warm items, then cold ones, with the dial at 1.
        n_warm: How many items are warm.
        saved: Where the model's own dial is; None for a way that has none.
    """

    model: ServingModel
    n_warm: int
    saved: float | None = None

    def scores(self, users: np.ndarray, train: csr_array) -> FloatArray:
        """Return float32 of shape (n, n_items) for user codes whose histories are rows of `train`, of warm items."""
        history = train[users]
        shape = (history.shape[0], self.model.n_items)
        return self.model.scores(users, csr_array((history.data, history.indices, history.indptr), shape=shape))


def by_maps(learned: Learned, maps: FoldIn, cold_texts: FloatArray, n_warm: int) -> WholeModel:
    """Return a learned model whose cold items are folded in, as `add_items` does.

    Args:
        learned: The model of the warm items.
        maps: Its maps.
        cold_texts: float32 of shape (n_cold, D), zeros for an item without text.
        n_warm: How many items are warm.
    """
    recipe = None if learned.selection is None else TextRecipe("", {}, learned.selection)
    model = with_folded(learned.model, maps.with_exposure(1.0), recipe, cold_texts, n_warm)
    return WholeModel(model, n_warm, maps.exposure)


def text_knn(held_out: HeldOut, split: ColdSplit, texts: FloatArray) -> WholeModel:
    """Score an item by the fourth powers of the cosines of its text to those of the user's items, the nearest alone.

    Args:
        held_out: The warm data.
        split: What was held out.
        texts: float32 of shape (n_items, D), the text embeddings of all items; zeros for an item without text.
    """
    warm, cold = texts[split.is_warm], texts[~split.is_warm]
    centre = centre_of(warm)
    known, units = _units(warm, centre), _units(np.concatenate([warm, cold]), centre)
    nearest = _nearest(units, known)
    nobody = csr_array((len(cold), nearest.shape[1]), dtype=np.float32)
    weights = csr_array(sp.vstack([nearest, nobody], format="csr"), dtype=np.float32)
    popularity = _popularity(held_out)
    everybody = np.concatenate([popularity, np.zeros(len(cold), dtype=np.float32)])
    return WholeModel(ItemModel([(weights, None)], everybody), len(warm))


def category_popularity(held_out: HeldOut, split: ColdSplit, categories: pl.Series) -> WholeModel:
    """Score a warm item by its popularity, and a cold one by the mean popularity of the warm ones of its category.

    Args:
        held_out: The warm data.
        split: What was held out.
        categories: String of shape (n_items,), those of all items; a cold item of a category that no warm one has gets
            the mean of all.
    """
    popularity = _popularity(held_out)
    codes = categories.fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    n_codes, of_warm = int(codes.max()) + 1, codes[split.is_warm]
    counts, sums = (np.bincount(of_warm, weights=own, minlength=n_codes) for own in (None, popularity))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), popularity.mean())
    of_cold = means[codes[~split.is_warm]].astype(np.float32)
    return WholeModel(ItemModel([], np.concatenate([popularity, of_cold])), len(popularity))


def _nearest(units: FloatArray, known: FloatArray) -> csr_array:
    """Return the weights of the nearest known items into each item, float32 CSR of shape (n_known, n)."""
    count = max(1, min(N_NEIGHBOURS, len(known), _MAX_WEIGHTS // len(units)))
    size = max(1, _BLOCK_BYTES // (8 * len(known)))
    columns, values = [], []
    for first in range(0, len(units), size):
        cosines = np.maximum(units[first : first + size] @ known.T, 0)
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        columns.append(nearest)
        values.append(np.take_along_axis(cosines, nearest, axis=1) ** _POWER)
    indptr = np.arange(len(units) + 1) * count
    parts = np.concatenate(values).ravel().astype(np.float32), np.concatenate(columns).ravel(), indptr
    return csr_array(csr_array(parts, shape=(len(units), len(known))).T)


def _units(rows: FloatArray, centre: FloatArray) -> FloatArray:
    has_text: BoolArray = np.any(rows, axis=1)[:, np.newaxis]
    return unit_rows(np.where(has_text, rows - centre, np.float32(0)).astype(np.float32))


def _popularity(held_out: HeldOut) -> FloatArray:
    counts = np.bincount(held_out.train.indices, minlength=held_out.train.shape[1])
    return counts.astype(np.float32)
