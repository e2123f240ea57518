"""Vectors of cold items from their text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.fold_in import ItemMap, Shape, fit_item_map
from llminit.fold_in.neighbours import means_of_nearest
from llminit.fold_in.text_space import fit_text_space, rows_of_texts

SHAPES = (
    Shape("start"),
    Shape("ridge"),
    Shape("nearest", n_nearest=3),
    Shape("nearest", n_nearest=4, by_text=True),
)
TEXT_WIDTH = 7


def warm(seed: int = 0, n: int = 30, width: int = 5) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return starts, served vectors that have drifted from them, and degrees."""
    rng = np.random.default_rng(seed)
    starts = rng.normal(size=(n, width)).astype(np.float32)
    served = (2 * starts @ rng.normal(size=(width, width)) + rng.normal(size=(n, width))).astype(np.float32)
    return starts, served, rng.integers(1, 20, n)


def texts_of(starts: FloatArray) -> FloatArray:
    """Return text embeddings, of more directions than the starts, and not around zero."""
    mixed = np.random.default_rng(9).normal(size=(starts.shape[1], TEXT_WIDTH))
    return (0.5 + starts @ mixed + 0.3 * np.sin(9 * starts @ mixed)).astype(np.float32)


def fitted(shape: Shape, seed: int = 0, n: int = 30) -> ItemMap:
    """Return a map of `warm`."""
    starts, served, degrees = warm(seed, n)
    return fit_item_map(shape, starts, served, degrees, 1.0, texts_of(starts))


def direction(vector: Any) -> Any:
    return np.asarray(vector, dtype=np.float64) / np.linalg.norm(vector)


def slow_space(texts: FloatArray) -> Any:
    """Return what makes rows of texts: their principal directions at equal variance, one for each 8 texts."""
    centre = texts.mean(axis=0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(texts - centre, full_matrices=False)
    width = len(texts) // 8
    return lambda text: direction(directions[:width] @ (text - centre) / sizes[:width])


def slow_vector(shape: Shape, query: Any, known: Any, start: FloatArray, served: FloatArray, units: Any) -> Any:
    """The vector of one item before the dial, by loops; `query` and `known` are what "nearest" compares."""
    unit = direction(start)
    if shape.kind == "start":
        return unit
    if shape.kind == "ridge":
        # Ridge regression is least squares with rows of the identity below the data.
        wide = np.concatenate([units, np.eye(units.shape[1])])
        targets = np.concatenate([served, np.zeros((units.shape[1], served.shape[1]))])
        return unit @ np.linalg.lstsq(wide, targets, rcond=None)[0]
    return slow_mean(query, known, served, shape.n_nearest)


def slow_mean(query: Any, known: Any, rows: Any, n_nearest: int) -> Any:
    """The mean of the rows of the nearest, by a sort."""
    cosines = [max(float(row @ query), 1e-3) for row in known]
    nearest = sorted(range(len(known)), key=lambda row: -float(known[row] @ query))[:n_nearest]
    weights = [cosines[row] ** 3 for row in nearest]
    if not nearest:
        return np.zeros(rows.shape[1])
    mean = sum(weight * rows[row] for weight, row in zip(weights, nearest, strict=True)) / sum(weights)
    alike = sum(weight * cosines[row] for weight, row in zip(weights, nearest, strict=True)) / sum(weights)
    return mean * alike**0.25


def slow_vectors(shape: Shape, starts: FloatArray, *, own: bool = False) -> Any:
    """The vectors of some items by the map of `warm`; with `own`, of warm ones that may not stand for themselves."""
    of_warm, served, _ = warm()
    units = np.array([direction(row) for row in of_warm])
    space = slow_space(texts_of(of_warm)) if shape.by_text else direction
    known = np.array([space(row) for row in (texts_of(of_warm) if shape.by_text else of_warm)])
    queries = [space(row) for row in (texts_of(starts) if shape.by_text else starts)]
    vectors = []
    for query, start in zip(queries, starts, strict=True):
        same = own and shape.kind == "nearest"
        kept = [row for row in range(len(of_warm)) if not (same and np.array_equal(of_warm[row], start))]
        vectors.append(slow_vector(shape, query, known[kept], start, served[kept], units[kept]))
    return np.array(vectors)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_maps_are_what_they_say(shape: Shape) -> None:
    """Each kind gives the directions, and the lengths up to one factor, of plain loops."""
    item_map = fitted(shape)
    cold = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    vectors = item_map.vectors(cold, texts_of(cold))
    assert vectors.dtype == np.float32
    expected = slow_vectors(shape, cold) * item_map.arrays()["scale"][0]
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_unit_of_the_dial(shape: Shape) -> None:
    """At exposure 1 warm items with few interactions, made as cold ones, are as long as they serve, by medians."""
    starts, served, degrees = warm()
    few = np.flatnonzero(degrees <= np.median(degrees))
    lengths = np.linalg.norm(slow_vectors(shape, starts[few], own=True), axis=1)
    expected = np.median(np.linalg.norm(served[few], axis=1))
    assert np.median(lengths) * fitted(shape).arrays()["scale"][0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@given(low=st.floats(0, 3), more=st.floats(0, 3), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_dial_scales_lengths_alone(shape: Shape, low: float, more: float, seed: int) -> None:
    """Vectors are proportional to the exposure: a user's order of cold items stays, and their scores grow in size."""
    cold, user = warm(seed + 1)[0], np.random.default_rng(seed).normal(size=5).astype(np.float32)
    maps = [fitted(shape, seed).with_exposure(value) for value in (1.0, low, low + more)]
    one, two, three = (item_map.vectors(cold, texts_of(cold)) for item_map in maps)
    np.testing.assert_allclose(two, np.float32(low) * one, rtol=1e-4, atol=1e-5)
    assert (np.abs(three @ user) >= np.abs(two @ user) - 1e-4).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_map_comes_back_from_its_parts(shape: Shape) -> None:
    """The document and the arrays hold all of a map."""
    starts = warm()[0]
    rows = ({"exposure": 1.0, "warm_loss": 0.01, "recall@10": 0.1},)
    item_map = ItemMap(shape, 0.7, fitted(shape).arrays(), rows)
    again = ItemMap.from_parts(item_map.document(), item_map.arrays())
    assert (again.shape, again.exposure, again.measured) == (shape, 0.7, rows)
    expected = item_map.vectors(starts, texts_of(starts))
    np.testing.assert_array_equal(again.vectors(starts, texts_of(starts)), expected)
    with pytest.raises(ValueError, match="unknown kind of item map 'other'"):
        ItemMap.from_parts(item_map.document() | {"kind": "other"}, item_map.arrays())


def test_a_map_of_the_first_form() -> None:
    """Folders whose maps had one length for all cold items are read; the start itself gives what it gave."""
    starts, served, _ = warm()
    arrays = {"width": np.array([5]), "length": np.array([3.0], dtype=np.float32)}
    item_map = ItemMap.from_parts({"kind": "start", "exposure": 0.5}, arrays)
    np.testing.assert_allclose(np.linalg.norm(item_map.vectors(starts), axis=1), 1.5, rtol=1e-5)
    units = np.array([direction(row) for row in starts], dtype=np.float32)
    nearest = {**arrays, "starts": units, "served": served}
    first = ItemMap.from_parts({"kind": "nearest", "exposure": 1.0}, nearest)
    assert np.isfinite(first.vectors(starts)).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_text_there_is_no_vector(shape: Shape) -> None:
    """Zeros give a vector of zeros, which scores nothing."""
    nothing = np.zeros((2, 5), dtype=np.float32), np.zeros((2, TEXT_WIDTH), dtype=np.float32)
    assert not fitted(shape).vectors(*nothing).any()


def test_few_warm_items() -> None:
    """A map can be made of a single warm item."""
    starts = warm(n=1)[0]
    for shape in SHAPES:
        assert np.isfinite(fitted(shape, n=1).vectors(starts, texts_of(starts))).all()


def test_bad_input() -> None:
    """Starts of another width and an exposure that is no number of at least 0 are refused, with what to do."""
    starts, served, degrees = warm()
    item_map = fit_item_map("nearest", starts, served, degrees, 1.0)
    with pytest.raises(EmbeddingError, match=r"shape \(30, 4\), expected \(n, 5\)"):
        item_map.vectors(starts[:, :4])
    by_text = fitted(SHAPES[-1])
    with pytest.raises(EmbeddingError, match=r"no text embeddings, expected \(30, 7\)"):
        by_text.vectors(starts)
    with pytest.raises(EmbeddingError, match=r"text embeddings of shape \(30, 6\), expected \(30, 7\)"):
        by_text.vectors(starts, texts_of(starts)[:, :6])
    with pytest.raises(ConfigError, match="no text embeddings, expected those of the warm items"):
        fit_item_map(SHAPES[-1], starts, served, degrees, 1.0)
    for exposure in (-1.0, float("nan"), float("inf"), True, "1"):
        with pytest.raises(ConfigError, match="expected a number of at least 0"):
            item_map.with_exposure(exposure)  # type: ignore[arg-type]


@given(seed=st.integers(0, 200), n_known=st.integers(1, 40), n_nearest=st.integers(1, 50), leave=st.booleans())
@settings(max_examples=40, deadline=None)
def test_means_of_nearest(seed: int, n_known: int, n_nearest: int, leave: bool) -> None:
    """They equal the means of a sort of all cosines, with each query's own row left out where one is named."""
    rng = np.random.default_rng(seed)
    known = np.array([direction(row) for row in rng.normal(size=(n_known, 4))], dtype=np.float32)
    queries = np.array([direction(row) for row in rng.normal(size=(5, 4))], dtype=np.float32)
    rows, own = rng.normal(size=(n_known, 3)).astype(np.float32), rng.integers(0, n_known, 5)
    result = means_of_nearest(queries, known, rows, n_nearest, own if leave else None)
    for query, mean, mine in zip(queries, result, own, strict=True):
        allowed = [row for row in range(n_known) if not (leave and row == mine)]
        expected = slow_mean(query, known[allowed], rows[allowed], n_nearest)
        np.testing.assert_allclose(mean, expected, rtol=1e-3, atol=1e-4)


def test_a_space_of_texts() -> None:
    """Texts of the catalogue vary alike in all directions of their space, whose rows have length 1."""
    texts = texts_of(warm(n=400)[0])
    space = fit_text_space(texts)
    wide = (texts - space["text_centre"]) @ space["text_weights"]
    np.testing.assert_allclose(wide.T @ wide, np.eye(TEXT_WIDTH), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(rows_of_texts(space, texts), axis=1), 1, rtol=1e-5)


def test_a_space_of_hardly_any_texts() -> None:
    """One text, equal ones, and texts that vary in fewer directions than they are wide, have finite rows."""
    same = np.ones((20, 4), dtype=np.float32)
    flat = np.outer(np.arange(100), [1, 2, 0, 0]).astype(np.float32)
    for texts in (same[:1], same, flat):
        assert np.isfinite(rows_of_texts(fit_text_space(texts), texts)).all()
    assert fit_text_space(flat)["text_weights"].shape == (4, 1)
