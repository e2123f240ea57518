"""Selectors that look at the training graph."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.arrays import AnyArray, FloatArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.initialization import initial_embeddings
from llminit.selectors import Selection, SelectorInput, fit_selector
from llminit.selectors.graph import laplacian_scores, propagated
from llminit.text.embeddings import TextEmbeddings

N_USERS, N_ITEMS, WIDTH = 14, 25, 9
seeds = st.integers(0, 200)


def world(seed: int) -> tuple[FloatArray, AnyArray]:
    """Draw text embeddings, and interactions of which one user and one item have none."""
    rng = np.random.default_rng(seed)
    texts = (rng.normal(size=(N_ITEMS, WIDTH)) @ rng.normal(size=(WIDTH, WIDTH)) + 3).astype(np.float32)
    interactions = rng.random((N_USERS, N_ITEMS)) < 0.3
    interactions[0] = interactions[:, 0] = False
    interactions[1, 1] = True
    return texts, interactions.astype(np.float32)


def data_of(texts: FloatArray, interactions: AnyArray | None, size: int = 4) -> SelectorInput:
    graph = None if interactions is None else sp.csr_array(interactions)
    degrees = np.zeros(len(texts), np.int64) if interactions is None else interactions.sum(axis=0).astype(np.int64)
    return SelectorInput(texts, size, degrees, np.random.default_rng(0), graph)


def fit(name: str, texts: FloatArray, interactions: AnyArray | None, size: int = 4, **options: Any) -> Selection:
    data = data_of(texts, interactions, size)
    return fit_selector(
        name, texts, size, item_degrees=data.item_degrees, rng=data.rng, interactions=data.interactions, options=options
    )


def rows_of(selection: Selection) -> FloatArray:
    assert selection.rows is not None
    return selection.rows


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_laplacian_score_is_its_twin(seed: int) -> None:
    """The columns chosen are those whose values differ least between items of one user, by plain loops over pairs."""
    texts, interactions = world(seed)
    expected = oracles.laplacian_scores(texts, interactions)
    np.testing.assert_allclose(laplacian_scores(data_of(texts, interactions)), expected, rtol=1e-6)
    chosen = fit("laplacian-score", texts, interactions).dims
    assert chosen is not None
    assert set(chosen.tolist()) == set(np.argsort(expected)[:4].tolist())


def test_laplacian_score_prefers_what_users_agree_on_to_constants() -> None:
    """A column that is constant within each user's history comes first, one that is constant everywhere last."""
    interactions = np.kron(np.eye(3), np.ones((2, 4))).astype(np.float32)
    texts = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    texts[:, 1], texts[:, 2] = np.repeat([1.0, -2.0, 5.0], 4), 7.0
    scores = laplacian_scores(data_of(texts, interactions))
    assert scores[1] == pytest.approx(0, abs=1e-9)
    assert np.isinf(scores[2])
    assert fit("laplacian-score", texts, interactions, 3).dims.tolist() == [0, 1, 3]  # type: ignore[union-attr]


@given(seeds, st.sampled_from([0.0, 0.5, 2.0]))
@settings(max_examples=20, deadline=None)
def test_propagated_text_is_its_twin(seed: int, weight: float) -> None:
    """A hop adds the linked items' deviations from the mean; an item without interactions keeps its text."""
    texts, interactions = world(seed)
    data = data_of(texts, interactions)
    degrees = np.maximum(interactions, 0)
    connected = degrees.sum(axis=0) > 0
    links = np.zeros((N_ITEMS, N_ITEMS))
    links[np.ix_(connected, connected)] = oracles.item_links(interactions[:, connected])
    expected = texts + weight * links @ (texts.astype(np.float64) - texts.mean(axis=0, dtype=np.float64))
    found = propagated(data, weight)
    oracles.assert_close(found, expected, 1e-5)
    assert np.array_equal(found[0], texts[0])


def test_propagated_whiten_whitens_what_was_propagated() -> None:
    """The items' rows are the propagated text, whitened; the map alone is for items that come later."""
    texts, interactions = world(1)
    selection = fit("propagated-whiten", texts, interactions, 5, weight=0.7)
    spread = rows_of(selection).astype(np.float64)
    length = np.mean(np.sum(texts.astype(np.float64) ** 2, axis=1))
    oracles.assert_close(spread.T @ spread / N_ITEMS, np.eye(5) * length / 5, 1e-3)
    moved = propagated(data_of(texts, interactions), 0.7)
    np.testing.assert_allclose(rows_of(selection), selection.apply(moved), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(selection.apply(texts)[0], rows_of(selection)[0], rtol=1e-4, atol=1e-4)


def test_without_weight_propagated_whiten_is_whiten() -> None:
    """A hop of weight 0 changes nothing."""
    texts, interactions = world(2)
    plain = fit("whiten", texts, interactions).apply(texts)
    oracles.assert_close(rows_of(fit("propagated-whiten", texts, interactions, weight=0)), plain, 1e-5)


@given(seeds, st.sampled_from([0.0, 0.4, 1.0]))
@settings(max_examples=20, deadline=None)
def test_rec_pca_is_its_twin(seed: int, weight: float) -> None:
    """Its directions maximise the variance of unit rows less the weighted variation over the item-item graph."""
    texts, interactions = world(seed)
    units = texts.astype(np.float64) / np.linalg.norm(texts.astype(np.float64), axis=1, keepdims=True)
    centred = units - units.mean(axis=0)
    links = np.zeros((N_ITEMS, N_ITEMS))
    connected = interactions.sum(axis=0) > 0
    links[np.ix_(connected, connected)] = oracles.item_links(interactions[:, connected])
    laplacian = np.eye(N_ITEMS) - links
    objective = centred.T @ (np.eye(N_ITEMS) - weight * laplacian) @ centred / N_ITEMS
    best = np.linalg.eigvalsh(objective)[::-1][:4].sum()
    selection = fit("rec-pca", texts, interactions, weight=weight)
    matrix = selection.matrix
    assert matrix is not None
    oracles.assert_close(matrix.T @ matrix, np.eye(4), 1e-4)
    assert np.trace(matrix.T @ objective @ matrix) == pytest.approx(best, rel=1e-4)
    oracles.assert_close(selection.apply(texts), centred @ matrix, 1e-3)


@pytest.mark.parametrize("name", ["canonical", "laplacian-score", "propagated-whiten", "rec-pca"])
@pytest.mark.parametrize("interactions", [None, np.zeros((N_USERS, N_ITEMS), dtype=np.float32)])
def test_no_graph_is_said(name: str, interactions: AnyArray | None) -> None:
    """A selector that needs the training interactions says so where there are none, and what to choose instead."""
    with pytest.raises(EmbeddingError, match=r"needs the training interactions .* choose a selector .* whiten"):
        fit(name, world(0)[0], interactions)


@pytest.mark.parametrize(
    ("name", "options"),
    [("propagated-whiten", {"weight": -1}), ("rec-pca", {"weight": 1.5}), ("rec-pca", {"weight": -1})],
)
def test_bad_weights(name: str, options: dict[str, Any]) -> None:
    """A weight out of range is an error that names the range."""
    with pytest.raises(ConfigError, match=r"weight=.* cannot be used, expected"):
        fit(name, *world(0), 4, **options)


def test_interactions_of_other_items_are_refused() -> None:
    """Interactions with another number of items than the text embeddings are an error, not a wrong graph."""
    texts, interactions = world(0)
    with pytest.raises(EmbeddingError, match="interactions of 24 items and text embeddings of 25"):
        fit_selector(
            "whiten",
            texts,
            4,
            item_degrees=np.zeros(N_ITEMS, np.int64),
            rng=np.random.default_rng(0),
            interactions=sp.csr_array(interactions[:, 1:]),
        )


def test_items_start_from_their_propagated_rows_and_later_ones_from_the_map() -> None:
    """Initial embeddings are the propagated rows; the selection that is kept maps raw text and has no rows."""
    texts, interactions = world(3)
    ids = pl.Series("item_id", np.arange(N_ITEMS))
    missing = np.arange(N_ITEMS) == 4
    text, train = TextEmbeddings.from_arrays(ids, texts, missing), sp.csr_array(interactions)
    users = pl.Series(np.arange(N_USERS))
    made = initial_embeddings(users, text, train, select="propagated-whiten", embedding_size=5)
    alone = fit("propagated-whiten", texts[~missing], interactions[:, ~missing], 5)
    assert np.array_equal(made.items[~missing], rows_of(alone))
    oracles.assert_close(made.items[4], rows_of(alone).mean(axis=0, dtype=np.float64), 1e-3)
    assert made.selection is not None
    assert made.selection.rows is None
    assert np.array_equal(made.selection.apply(texts), alone.apply(texts))
