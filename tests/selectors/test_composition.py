"""Composed selectors: stages that prepare the text, and parts side by side."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import llminit
import llminit.comparison
import oracles
from llminit import Recommender
from llminit.arrays import AnyArray, FloatArray
from llminit.comparison.grid import check_grid
from llminit.config import CompareConfig
from llminit.errors import ConfigError, EmbeddingError
from llminit.results import CellKey, ResultsFolder, distinct_labels
from llminit.selectors import SELECTORS, Selection, fit_selector
from llminit.selectors.selection import row_norm
from llminit.testing import check_selector
from planted import SMALL, plant

N_USERS, N_ITEMS, WIDTH = 30, 40, 10
RNG = np.random.default_rng(5)
TEXTS: FloatArray = (RNG.normal(size=(N_ITEMS, WIDTH)) @ RNG.normal(size=(WIDTH, WIDTH)) + 3).astype(np.float32)
INTERACTIONS: AnyArray = (RNG.random((N_USERS, N_ITEMS)) < 0.2).astype(np.float32)
INTERACTIONS[:, 0] = 0
NAME = "center|pca:5+svd:3"
WORLD = plant()


def fit(name: str, size: int, texts: FloatArray = TEXTS, interactions: AnyArray = INTERACTIONS) -> Selection:
    return fit_selector(
        name,
        texts,
        size,
        item_degrees=interactions.sum(axis=0).astype(np.int64),
        rng=np.random.default_rng(0),
        interactions=sp.csr_array(interactions),
    )


def rows_of(name: str, size: int) -> FloatArray:
    rows = fit(name, size).rows
    assert rows is not None
    return rows


def test_parts_stand_side_by_side_text_first_then_the_graph() -> None:
    """The text's part is the selector's own, the graph's as large an entry; later items have zeros there."""
    rows = rows_of(NAME, 8)
    oracles.assert_close(rows[:, :5], fit("pca", 5).apply(TEXTS), 1e-5)
    assert row_norm(rows[:, :5]) / np.sqrt(5) == pytest.approx(row_norm(rows[:, 5:]) / np.sqrt(3), rel=1e-5)
    later = fit(NAME, 8).apply(TEXTS[:4] + 1)
    assert np.abs(later[:, :5]).max() > 0.1
    assert not later[:, 5:].any()
    assert not rows[0, 5:].any()  # It has no interactions, like later items.


@given(st.integers(0, 100), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_the_graph_part_is_the_singular_value_decomposition(seed: int, size: int) -> None:
    """`svd` gives the leading right singular vectors of N, from a dense decomposition, each up to its sign."""
    interactions = (np.random.default_rng(seed).random((N_USERS, N_ITEMS)) < 0.3).astype(np.float32)
    degrees = np.maximum(interactions.sum(axis=1), 1)[:, None] * np.maximum(interactions.sum(axis=0), 1)[None]
    expected = np.linalg.svd(interactions / np.sqrt(degrees))[2][:size].T
    found = fit(f"pca:2+svd:{size}", 2 + size, interactions=interactions).rows
    assert found is not None
    cosines = np.abs((found[:, 2:] * expected).sum(axis=0)) / np.linalg.norm(found[:, 2:], axis=0)
    np.testing.assert_allclose(cosines, 1, atol=1e-4)


def test_stages_prepare_the_text_in_order() -> None:
    """Stages are applied from left to right, to the items of the fit and to later ones."""
    centred = TEXTS - TEXTS.mean(axis=0)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    selection = fit("center|unit|prefix:4", 4)
    oracles.assert_close(selection.apply(TEXTS), units[:, :4], 1e-5)
    other = fit("unit|center|prefix:4", 4).apply(TEXTS)
    assert np.abs(other - units[:, :4]).max() > 0.01
    spread = fit("whiten|prefix:4", 4).apply(TEXTS).astype(np.float64)
    oracles.assert_close(np.cov(spread.T, bias=True), np.eye(4) * spread.var(axis=0).mean(), 1e-3)


def test_propagate_then_whiten_is_propagated_whiten_up_to_its_norm() -> None:
    """The stage is the hop of the selector; later items take no part in it."""
    composed, selector = (
        fit("propagate:0.5|whiten", 4),
        fit_selector(
            "propagated-whiten",
            TEXTS,
            4,
            item_degrees=np.zeros(N_ITEMS, np.int64),
            rng=np.random.default_rng(0),
            interactions=sp.csr_array(INTERACTIONS),
            options={"weight": 0.5},
        ),
    )
    for found, expected in ((composed.rows, selector.rows), (composed.apply(TEXTS), selector.apply(TEXTS))):
        assert found is not None
        assert expected is not None
        oracles.assert_close(found / row_norm(found), expected / row_norm(expected), 1e-3)


@pytest.mark.parametrize("name", ["pca+svd:3", "pca:5+svd", NAME, "center|unit|pca:2+variance:3+svd"])
def test_one_width_may_be_left_out(name: str) -> None:
    """A part without a width takes what the others leave."""
    assert rows_of(name, 8).shape == (N_ITEMS, 8)


def test_one_part_is_the_selector() -> None:
    """A width alone, without other parts or stages, changes nothing."""
    assert np.array_equal(rows_of("whiten:6", 6), fit("whiten", 6).apply(TEXTS))


def test_the_graph_alone_needs_no_direction_of_the_text() -> None:
    """`svd` alone may be wider than the text embeddings, and its rows are as long as theirs."""
    rows = rows_of("svd:12", 12)
    assert rows.shape == (N_ITEMS, 12)
    assert row_norm(rows) == pytest.approx(row_norm(TEXTS), rel=1e-4)


@pytest.mark.parametrize("name", [NAME, "center|unit|propagate:0.5|whiten:6|pca:2+variance:3+svd:3", "unit|rec-pca"])
def test_its_arrays_are_all_there_is_to_it(name: str) -> None:
    """A selection made from the arrays of another maps text to the same bits, stages and parts included."""
    selection = fit(name, 8 if "+" in name else 4)
    again = Selection.from_arrays(selection.arrays())
    assert np.array_equal(again.apply(TEXTS + 1), selection.apply(TEXTS + 1))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("middle|pca:8", 8, "unknown stage 'middle' in 'middle|pca:8'; choose one of: center, propagate"),
        ("center:2|pca:8", 8, "unknown stage 'center:2'"),
        ("center|pce:8", 8, "unknown part 'pce' in 'center|pce:8'; choose from: canonical, full, .*, svd"),
        ("pca:4+svd:3", 8, r"add up to 7, expected 8; .* embedding_size=8, or leave one width out"),
        ("pca:4+svd:3", 6, r"add up to 7, expected 6"),
        ("pca+svd:8", 8, r"add up to 8, expected less than 8"),
        ("pca+svd", 8, "2 parts of 'pca.svd' have no width"),
        ("pca:0+svd:8", 8, "'pca:0' in .* expected a whole number above 0"),
        ("pca:4.5+svd", 8, "'4.5' after its colon"),
        ("pca:+svd:4", 8, "has '' after its colon"),
        ("propagate:-1|pca:8", 8, "expected a number above 0"),
        ("propagate:nan|pca:8", 8, "expected a number above 0"),
        ("full+svd:3", 8, "'full' .* keeps all columns"),
        ("|pca:8", 8, "unknown stage ''"),
        ("center|", 8, "unknown part ''"),
    ],
)
def test_names_that_cannot_be_read(name: str, size: int, message: str) -> None:
    """An unknown stage or part, a bad number and widths that do not add up are errors that say what to write."""
    with pytest.raises(ConfigError, match=message.replace("|", r"\|")):
        fit(name, size)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("pca:11+svd:3", 14, "exceeds the text embeddings' 10 dimensions"),
        ("whiten:4|pca:5+svd:3", 8, "exceeds the text embeddings' 4 dimensions"),
        ("pca:8+svd:30", 38, "svd:30 asks for more directions than the training graph of 30 users and 40 items"),
    ],
)
def test_too_wide(name: str, size: int, message: str) -> None:
    """A part wider than the prepared text, or than the graph's rank, is refused."""
    with pytest.raises(EmbeddingError, match=message):
        fit(name, size)


@pytest.mark.parametrize("name", ["center|unit|pca", "propagate:0.5|whiten", "whiten|variance", "unit|rec-pca"])
def test_contract(name: str) -> None:
    """A composition keeps the promises of a selector."""
    check_selector(name)


def test_it_takes_no_options() -> None:
    """Options belong to selectors; a composition says that it takes none."""
    with pytest.raises(ConfigError, match="takes: none"):
        SELECTORS.entry(NAME).options_type.make(norm=1.0)


def test_a_recommender_goes_the_way_of_its_composition(tmp_path: Path) -> None:
    """`fit` starts from a composition and saves it: loaded, its map gives the text's part and zeros for the graph's."""
    pair = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())
    chosen: dict[str, Any] = {**SMALL, "init": "center|pca:5+svd:3", "embedding_size": 8, "epochs": 0}
    llminit.fit(WORLD.interactions, WORLD.items, embeddings=pair, backbone="mf", out=tmp_path / "r", **chosen)
    loaded = Recommender.load(tmp_path / "r")
    assert loaded.text is not None
    assert loaded.text.selector == "center|pca:5+svd:3"
    values = dict(zip(pair[0].to_list(), np.asarray(pair[1], dtype=np.float32), strict=True))
    texts = np.stack([values[item] for item in loaded.items.ids.to_list()])
    mapped, items = loaded.text.selection.apply(texts), loaded.model.arrays()["items"]
    oracles.assert_close(items[:, :5], mapped[:, :5], 1e-4)
    assert not mapped[:, 5:].any()
    assert np.abs(items[:, 5:]).max() > 0


def test_fit_refuses_widths_before_any_work(tmp_path: Path) -> None:
    """Widths that do not add up are found before the files are read."""
    with pytest.raises(ConfigError, match="add up to 8, expected 16"):
        llminit.fit(tmp_path / "none.csv", init="center|pca:5+svd:3", embedding_size=16)
    with pytest.raises(ConfigError, match="unknown stage 'centre'"):
        llminit.initialize(tmp_path / "none.csv", select="centre|pca:5+svd:3", embedding_size=8)


def test_it_is_compared_like_any_selector(tmp_path: Path) -> None:
    """`compare` takes compositions and controls of them, and labels them with their whole name."""
    name = "center|pca:5+svd:3"
    folder: ResultsFolder = llminit.comparison.compare(
        WORLD.interactions,
        WORLD.items,
        embeddings=(WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy()),
        out=tmp_path / "r",
        workers=0,
        backbones="mf",
        inits=f"xavier,{name}",
        controls="shuffled",
        baselines="none",
        seeds=1,
        embedding_sizes=8,
        epochs=1,
        ks="10",
    )
    methods = {cell.key.method for cell in folder.cells()}
    assert {method.init for method in methods} == {"xavier", name, f"{name}/shuffled"}
    assert distinct_labels(methods).keys() == methods
    assert f"mf + {name}" in distinct_labels(methods).values()


def test_names_of_cells_are_safe_and_differ() -> None:
    """File names hold none of the marks, and two compositions never share one."""
    names = {
        CellKey(model="mf", init=init, embedding_size=8).name
        for init in ("pca:5+svd:3", "pca|5+svd:3", "pca-5+svd-3", "center|pca:5+svd:3", "center|pca:5+svd:3/noise")
    }
    assert len(names) == 5
    assert not any(set(name) & set('|:/\\*?"<>') for name in names)


def test_a_grid_refuses_widths_of_another_size() -> None:
    """Every embedding size of a comparison must fit the composition; the message names the size that does not."""
    with pytest.raises(ConfigError, match="add up to 8, expected 16"):
        check_grid(CompareConfig(inits=["center|pca:5+svd:3"], embedding_sizes=[8, 16], baselines=["none"]))
    check_grid(CompareConfig(inits=["center|pca+svd:3"], embedding_sizes=[8, 16], baselines=["none"]))
