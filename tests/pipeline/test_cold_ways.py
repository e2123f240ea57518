"""Ways to rank new items that learn nothing, against loops that say what they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from llminit.arrays import FloatArray
from llminit.config import FitConfig
from llminit.data import HeldOut, make_dataset, split_interactions
from llminit.pipeline import cold_ways
from llminit.pipeline.cold_split import ColdSplit, split_cold
from planted import plant


@dataclass(frozen=True, eq=False)
class Setting:
    """The planted data without a fifth of the items."""

    held_out: HeldOut
    split: ColdSplit
    texts: FloatArray
    categories: pl.Series


@pytest.fixture(scope="module")
def setting() -> Setting:
    world = plant()
    items = world.items.with_columns(genres=pl.col("title").str.slice(0, 9))
    dataset = make_dataset(world.interactions, items)
    config = FitConfig(cold_share=0.2)
    split = split_cold(dataset, config)
    held_out = HeldOut(split.warm, split_interactions(split.warm, config.splitting, 0))
    texts = np.array(world.embeddings["embedding"].to_numpy())
    categories = dataset.item_categories()
    assert categories is not None
    return Setting(held_out, split, texts, categories)


def scores_of(setting: Setting, way: cold_ways.WholeModel) -> Any:
    train = setting.held_out.train
    return way.scores(np.arange(train.shape[0]), train)


@pytest.mark.parametrize("n_neighbours", [3, 1024])
def test_text_knn(setting: Setting, monkeypatch: pytest.MonkeyPatch, n_neighbours: int) -> None:
    """The score of an item is the sum of the fourth powers of the cosines to the user's items among its nearest."""
    monkeypatch.setattr(cold_ways, "N_NEIGHBOURS", n_neighbours)
    found = scores_of(setting, cold_ways.text_knn(setting.held_out, setting.split, setting.texts))
    is_warm, train = setting.split.is_warm, setting.held_out.train.toarray()
    rows = setting.texts - setting.texts[is_warm].mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    warm, ordered = rows[is_warm], np.concatenate([rows[is_warm], rows[~is_warm]])
    for user in (0, 7, 23):
        for item, text in enumerate(ordered):
            cosines = np.maximum(warm @ text, 0)
            nearest = np.argsort(-cosines)[:n_neighbours]
            expected = sum(cosines[other] ** 4 for other in nearest if train[user, other])
            assert found[user, item] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_items_without_text_are_like_none(setting: Setting) -> None:
    """A cold item without text scores nothing for anybody who has a history."""
    texts = setting.texts.copy()
    cold = np.flatnonzero(~setting.split.is_warm)
    texts[cold[0]] = 0
    found = scores_of(setting, cold_ways.text_knn(setting.held_out, setting.split, texts))
    with_history = np.diff(setting.held_out.train.indptr) > 0
    assert not found[with_history, setting.split.is_warm.sum()].any()


def test_category_popularity(setting: Setting) -> None:
    """A warm item scores what it is popular, a cold one the mean of its category, or of all where that is new."""
    cold = np.flatnonzero(~setting.split.is_warm)
    categories = setting.categories.to_list()
    categories[cold[0]], categories[cold[1]] = "a new one", None
    way = cold_ways.category_popularity(setting.held_out, setting.split, pl.Series(categories))
    found, degrees = scores_of(setting, way), setting.held_out.train.toarray().sum(axis=0)
    warm = np.flatnonzero(setting.split.is_warm)
    assert (found == found[0]).all()
    np.testing.assert_allclose(found[0, : len(warm)], degrees)
    for place, item in enumerate(cold):
        same = [degrees[index] for index, other in enumerate(warm) if categories[other] == categories[item]]
        assert found[0, len(warm) + place] == pytest.approx(np.mean(same or degrees))
