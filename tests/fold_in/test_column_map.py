"""Cold items in item models."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.fold_in import ColumnMap, fit_column_map
from llminit.fold_in.column_map import N_NEAREST
from llminit.models.baselines.l3ae import L3AE
from llminit.models.cold import ColdText
from llminit.models.serving import ItemModel, kept_weights

WIDTH = 5


def slow_l3ae(train: Any, text: Any, text_weight: float, l2: float, text_l2: float) -> Any:
    """Solve column by column: no weight of an item to itself, drawn to the text's own regressions."""
    n = train.shape[1]
    kernel = text @ text.T
    prior, weights = np.zeros((n, n)), np.zeros((n, n))
    for column in range(n):
        others = np.arange(n) != column
        inner = kernel[np.ix_(others, others)] + text_l2 * np.eye(n - 1)
        prior[others, column] = np.linalg.solve(inner, kernel[others, column])
    gram = train.T @ train
    for column in range(n):
        others = np.arange(n) != column
        inner = gram[np.ix_(others, others)] + (l2 + text_weight) * np.eye(n - 1)
        right = gram[others, column] + text_weight * prior[others, column]
        weights[others, column] = np.linalg.solve(inner, right)
    return weights


def sample(seed: int, n_users: int = 15, n_items: int = 8) -> tuple[Any, FloatArray]:
    rng = np.random.default_rng(seed)
    train = (rng.random((n_users, n_items)) < 0.4).astype(np.float32)
    train[0] = 1
    return train, (rng.normal(size=(n_items, WIDTH)) + 1).astype(np.float32)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_closed_form_is_what_the_model_would_learn(seed: int) -> None:
    """A new item's row and column are those of L3AE, solved slowly with one more item that nobody has."""
    train, texts = sample(seed)
    options = {"text_weight": 7.0, "l2": 2.0, "text_l2": 1.5}
    fitted = L3AE(**options).fit(sp.csr_array(train), texts)
    cold = fitted.cold  # type: ignore[attr-defined]
    new = np.random.default_rng(seed + 1).normal(size=(1, WIDTH)).astype(np.float32) + 1
    unit = np.concatenate([texts, new]) - texts.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    longer = np.hstack([train, np.zeros((len(train), 1))])
    expected = slow_l3ae(longer, unit, **options)
    np.testing.assert_allclose(cold.columns(new)[0], expected[:-1, -1], rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(cold.rows(new)[0], expected[-1, :-1], rtol=2e-3, atol=2e-5)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_two_new_items_in_pairs(seed: int) -> None:
    """What one new item adds to another is what L3AE, with both of them, learns between them."""
    train, texts = sample(seed)
    options = {"text_weight": 7.0, "l2": 2.0, "text_l2": 1.5}
    cold = L3AE(**options).fit(sp.csr_array(train), texts).cold  # type: ignore[attr-defined]
    new = np.random.default_rng(seed + 1).normal(size=(2, WIDTH)).astype(np.float32) + 1
    unit = np.concatenate([texts, new]) - texts.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = slow_l3ae(np.hstack([train, np.zeros((len(train), 2))]), unit, **options)
    found = cold.towards(new, new)
    np.testing.assert_allclose(found[0, 1], expected[-2, -1], rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(found[1, 0], expected[-1, -2], rtol=2e-3, atol=2e-5)


def test_the_closed_form_comes_back_from_its_arrays() -> None:
    """What is saved says the same."""
    train, texts = sample(3)
    cold = L3AE().fit(sp.csr_array(train), texts).cold  # type: ignore[attr-defined]
    again = ColdText.from_arrays(cold.arrays())
    np.testing.assert_array_equal(again.columns(texts), cold.columns(texts))
    np.testing.assert_array_equal(again.rows(texts), cold.rows(texts))


def models(seed: int, n_items: int) -> dict[str, ItemModel]:
    rng = np.random.default_rng(seed)
    popularity = rng.random(n_items).astype(np.float32)
    weights = rng.normal(size=(n_items, n_items)).astype(np.float32)
    left, right = rng.normal(size=(n_items, 3)).astype(np.float32), rng.normal(size=(3, n_items)).astype(np.float32)
    sparse = sp.csr_array(np.where(np.abs(weights) > 0.8, weights, 0))
    pairs: dict[str, list[Any]] = {
        "dense": [(weights, None)],
        "sparse": [(sparse, None)],
        "factors": [(left, right), (sparse, sp.csr_array(sparse.T))],
        "nothing": [],
    }
    return {name: ItemModel(each, popularity) for name, each in pairs.items()}


@pytest.mark.parametrize("name", ["dense", "sparse", "factors", "nothing"])
def test_nearest_is_the_mean_of_the_neighbours(name: str) -> None:
    """A history's score of a new item is the mean of the neighbours' scores, times the dial; and so are rows."""
    n_items = N_NEAREST + 9
    model = models(0, n_items)[name]
    rng = np.random.default_rng(1)
    texts, new = rng.normal(size=(n_items, WIDTH)).astype(np.float32), rng.normal(size=(2, WIDTH)).astype(np.float32)
    column_map = fit_column_map(model, texts, np.arange(n_items), 2.0)
    extended = column_map.extended(model, np.concatenate([new, np.zeros((1, WIDTH), dtype=np.float32)]))
    centre = texts.mean(axis=0)
    unit = (texts - centre) / np.linalg.norm(texts - centre, axis=1, keepdims=True)
    history = (rng.random((4, n_items)) < 0.4).astype(np.float32)
    before = model.scores(np.arange(4), sp.csr_array(history))
    longer = sp.csr_array(np.hstack([history, np.zeros((4, 3), dtype=np.float32)]))
    after = extended.scores(np.arange(4), longer)
    np.testing.assert_allclose(after[:, :n_items], before, rtol=1e-4, atol=1e-4)
    scale = float(column_map.arrays_by_name["scale"][0])
    for index, text in enumerate(new):
        nearest = np.argsort(-(unit @ ((text - centre) / np.linalg.norm(text - centre))))[:N_NEAREST]
        expected = before[:, nearest].mean(axis=1) * 2 * scale if model.pairs else np.zeros(4)
        np.testing.assert_allclose(after[:, n_items + index], expected, rtol=1e-3, atol=1e-4)
        mean = np.zeros((1, n_items), dtype=np.float32)
        mean[0, nearest] = 1 / N_NEAREST
        alone = sp.csr_array((np.ones(1, dtype=np.float32), [n_items + index], [0, 1]), shape=(1, n_items + 3))
        row = model.scores(np.zeros(1, dtype=np.int64), sp.csr_array(mean))[0]
        found = extended.scores(np.zeros(1, dtype=np.int64), alone)[0, :n_items]
        np.testing.assert_allclose(found, row, rtol=1e-3, atol=1e-4)
    assert not after[:, n_items + 2].any()


@pytest.mark.parametrize("closed", [True, False])
def test_at_1_columns_are_as_long_as_those_of_rare_items(closed: bool) -> None:
    """Rare items, added once more: by their medians, the columns are about as long as those that were learned."""
    rng = np.random.default_rng(0)
    train = (rng.random((60, 30)) < np.linspace(0.05, 0.4, 30)).astype(np.float32)
    train[0] = 1
    texts = rng.normal(size=(30, WIDTH)).astype(np.float32)
    fitted = L3AE().fit(sp.csr_array(train), texts)
    model = fitted.serving()
    assert isinstance(model, ItemModel)
    degrees = train.sum(axis=0).astype(np.int64)
    column_map = fit_column_map(model, texts, degrees, 1.0, fitted.cold if closed else None)  # type: ignore[attr-defined]
    few = degrees <= np.median(degrees)
    extended = column_map.extended(model, texts[few] + 1e-4).pairs[0][0]
    new = np.median(np.linalg.norm(extended[:30, 30:], axis=0))
    rare = np.median(np.linalg.norm(model.pairs[0][0][:, few], axis=0))
    assert 0.7 * rare < new < 1.6 * rare


def test_a_large_table_stays_sparse() -> None:
    """Beside kept weights, new columns are sparse too, and score as the dense ones do where all weights are kept."""
    train, texts = sample(5)
    fitted = L3AE(l2=0.0).fit(sp.csr_array(train), texts)
    dense = fitted.serving()
    assert isinstance(dense, ItemModel)
    sparse = ItemModel([(kept_weights(dense.pairs[0][0], 99, 0), None)], dense.popularity)
    assert sp.issparse(sparse.pairs[0][0])
    column_map = fit_column_map(dense, texts, train.sum(axis=0).astype(np.int64), 1.0, fitted.cold)  # type: ignore[attr-defined]
    one, other = (column_map.extended(each, texts[:2] + 1).pairs[0][0] for each in (sparse, dense))
    assert sp.issparse(one)
    np.testing.assert_allclose(sp.csr_array(one).toarray(), other, atol=1e-5)


def test_document_and_arrays() -> None:
    """A map comes back from its parts, with the dial moved; an unknown kind and a wrong width are refused."""
    model = models(0, 12)["dense"]
    texts = np.random.default_rng(0).normal(size=(12, WIDTH)).astype(np.float32)
    column_map = fit_column_map(model, texts, np.arange(12), 1.5)
    again = ColumnMap.from_parts(column_map.document(), column_map.arrays())
    np.testing.assert_array_equal(
        again.extended(model, texts).pairs[0][0], column_map.extended(model, texts).pairs[0][0]
    )
    assert again.with_exposure(0).exposure == 0
    with pytest.raises(ValueError, match="unknown kind"):
        ColumnMap.from_parts({"kind": "x", "exposure": 1}, {})
    with pytest.raises(EmbeddingError, match=f"expected \\(n, {WIDTH}\\)"):
        again.extended(model, texts[:, 1:])
    with pytest.raises(ConfigError, match="exposure"):
        again.with_exposure(-1)
