"""Selectors: the columns they choose and the maps they fit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors import SELECTORS, Selection, fit_selector
from llminit.selectors.shrinkage import ledoit_wolf
from llminit.testing import check_selector

N_ITEMS, WIDTH = 50, 12


def texts(seed: int = 0, n_items: int = N_ITEMS, width: int = WIDTH) -> FloatArray:
    """Draw embeddings with a common mean and columns of different spread, as encoders give."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n_items, width)) @ rng.normal(size=(width, width)) + 3).astype(np.float32)


def fit(
    name: str, rows: FloatArray, size: int, degrees: IntArray | None = None, seed: int = 0, **options: Any
) -> Selection:
    degrees = np.arange(len(rows)) if degrees is None else degrees
    return fit_selector(name, rows, size, item_degrees=degrees, rng=np.random.default_rng(seed), options=options)


def dims_of(selection: Selection) -> IntArray:
    """The columns that a selection chooses."""
    assert selection.dims is not None
    return selection.dims


def matrix_of(selection: Selection) -> FloatArray:
    """The matrix of a selection that is a linear map."""
    assert selection.matrix is not None
    return selection.matrix


@pytest.mark.parametrize("name", SELECTORS)
def test_contract(name: str) -> None:
    """Every selector keeps the promises that all of them share."""
    check_selector(name)


def test_registry_has_the_named_selectors() -> None:
    """The documented selectors are registered by name."""
    of_text = {"random", "uniform", "variance", "full", "pca", "whiten", "prefix", "projection"}
    assert set(SELECTORS) == of_text | {"canonical", "laplacian-score", "propagated-whiten", "rec-pca"}


@given(size=st.integers(1, 40), times=st.integers(1, 10))
@settings(max_examples=40, deadline=None)
def test_uniform_is_the_reference_where_d_divides_the_width(size: int, times: int) -> None:
    """Where d divides D, uniform takes the same columns as the paper's code."""
    dims = dims_of(fit("uniform", np.zeros((1, size * times), dtype=np.float32), size))
    assert dims.tolist() == oracles.reference_uniform_dims(size * times, size)


@given(width=st.integers(1, 200), data=st.data())
@settings(max_examples=50, deadline=None)
def test_uniform_reaches_the_whole_width(width: int, data: st.DataObject) -> None:
    """Whatever d, uniform takes distinct columns whose gaps, the last one included, differ by at most one."""
    size = data.draw(st.integers(1, width))
    dims = dims_of(fit("uniform", np.zeros((1, width), dtype=np.float32), size))
    gaps = np.diff(np.append(dims, width))
    assert dims[0] == 0
    assert set(gaps.tolist()) <= {width // size, -(-width // size)}


@given(
    seed=st.integers(0, 1000),
    n_items=st.integers(10, 40),
    size=st.integers(1, WIDTH),
    share=st.sampled_from([0.2, 0.5, 0.75, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_variance_is_its_twin(seed: int, n_items: int, size: int, share: float) -> None:
    """Variance takes the columns that plain loops take, with many ties in popularity."""
    rows = texts(seed, n_items)
    degrees = np.random.default_rng(seed).integers(0, 5, size=n_items)
    dims = dims_of(fit("variance", rows, size, degrees, share=share))
    assert dims.tolist() == oracles.variance_dims(rows, degrees.tolist(), size, share)


def test_variance_by_hand() -> None:
    """Of ten items only the two most popular count (20 %), and the columns are in ascending order."""
    rows = np.tile(np.array([[0.0, 9.0, 0.0, -9.0]], dtype=np.float32), (10, 1)) * np.arange(10)[:, None]
    rows[4], rows[7] = [1, 5, 0, 5], [3, 5, 0, 1]
    degrees = np.array([1, 1, 1, 1, 8, 1, 1, 9, 1, 1])
    assert dims_of(fit("variance", rows.astype(np.float32), 2, degrees)).tolist() == [0, 3]
    assert dims_of(fit("variance", rows.astype(np.float32), 2, degrees, share=1.0)).tolist() == [1, 3]


def test_random_repeats_columns_only_with_replacement() -> None:
    """Without replacement each of D columns is chosen once; with it some repeat, as in the paper's code."""
    rows = texts(width=64)
    assert dims_of(fit("random", rows, 64)).tolist() == list(range(64))
    repeated = dims_of(fit("random", rows, 64, replacement=True))
    assert len(set(repeated.tolist())) < 64
    assert (repeated >= 0).all()
    assert (repeated < 64).all()


def test_random_reaches_every_column() -> None:
    """Over many seeds, each column is drawn about equally often."""
    rows = texts()
    counts = np.bincount(np.concatenate([dims_of(fit("random", rows, 3, seed=seed)) for seed in range(400)]))
    assert counts.min() > 65
    assert counts.max() < 135


@pytest.mark.parametrize("name", ["random", "projection"])
def test_another_seed_gives_another_selection(name: str) -> None:
    """The random selectors take their randomness from the generator in their input."""
    rows = texts(width=64)
    assert not np.array_equal(fit(name, rows, 8, seed=1).apply(rows), fit(name, rows, 8, seed=2).apply(rows))


def test_full_and_prefix_keep_columns_as_they_are() -> None:
    """Full keeps every column whatever d is, prefix the first d."""
    rows = texts()
    assert np.array_equal(fit("full", rows, 100).apply(rows), rows)
    assert np.array_equal(fit("prefix", rows, 5).apply(rows), rows[:, :5])


def test_pca_is_the_singular_value_decomposition() -> None:
    """PCA gives centred rows in the leading directions, equal to an SVD up to each column's sign."""
    rows = texts()
    expected = oracles.principal_scores(rows, 4)
    found = fit("pca", rows, 4).apply(rows)
    signs = np.sign((found * expected).sum(axis=0))
    oracles.assert_close(found, expected * signs, 1e-5)


def test_pca_is_orthonormal_and_its_signs_are_fixed() -> None:
    """PCA's map has orthonormal columns, each with its largest entry positive, so that machines agree."""
    matrix = matrix_of(fit("pca", texts(), 5))
    oracles.assert_close(matrix.T @ matrix, np.eye(5), 1e-5)
    assert (matrix[np.abs(matrix).argmax(axis=0), np.arange(5)] > 0).all()


@pytest.mark.parametrize("norm", [None, 2.5])
def test_whiten_gives_equal_variances_and_the_stated_norm(norm: float | None) -> None:
    """Whitened columns have mean 0, no correlation and one variance; rows have the stated root mean square length."""
    rows = texts(1, 400)
    found = fit("whiten", rows, 6, norm=norm).apply(rows).astype(np.float64)
    length = norm or np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1).mean())
    oracles.assert_close(found.T @ found / len(rows), np.eye(6) * length**2 / 6, 1e-4)
    assert np.abs(found.mean(axis=0)).max() < 1e-4 * length
    assert np.sqrt((found**2).sum(axis=1).mean()) == pytest.approx(length, rel=1e-4)


def test_whiten_is_pca_with_scaled_columns() -> None:
    """Whitening takes PCA's directions, in PCA's order."""
    rows = texts()
    ratio = matrix_of(fit("whiten", rows, 5)) / matrix_of(fit("pca", rows, 5))
    oracles.assert_close(ratio, np.tile(ratio[:1], (WIDTH, 1)), 1e-3)
    assert (np.diff(ratio[0]) > 0).all()


@pytest.mark.parametrize("size", [1, 7, WIDTH])
def test_whiten_takes_any_width_up_to_the_rank(size: int) -> None:
    """Whitening gives columns of one variance at every width up to the rank, the encoder's whole width included."""
    rows = texts(2, 300)
    found = fit("whiten", rows, size).apply(rows).astype(np.float64)
    variances = found.var(axis=0)
    oracles.assert_close(variances, np.full(size, variances.mean()), 1e-4)


@given(seed=st.integers(0, 100), n_items=st.integers(2, 40), width=st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_ledoit_wolf_is_its_twin(seed: int, n_items: int, width: int) -> None:
    """The shrinkage from row lengths and eigenvalues is the one from the published sums over whole matrices."""
    rows = texts(seed, n_items, width).astype(np.float64)
    deviations = rows - rows.mean(axis=0)
    variances = np.linalg.eigvalsh(deviations.T @ deviations / n_items)
    assert ledoit_wolf(deviations, variances) == pytest.approx(oracles.ledoit_wolf(rows), rel=1e-6, abs=1e-9)


def test_automatic_shrinkage_is_small_where_items_are_many_and_not_where_they_are_few() -> None:
    """Automatic shrinkage hardly changes a well-measured covariance, and changes that of few items."""
    many, few = texts(0, 20_000), texts(0, 20)
    for rows, least, most in ((many, 1e-9, 1e-3), (few, 1e-2, 1.0)):
        plain = matrix_of(fit("whiten", rows, 8))
        shrunk = matrix_of(fit("whiten", rows, 8, shrinkage="auto"))
        assert least < np.abs(shrunk - plain).max() / np.abs(plain).max() < most


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0, "auto"])
def test_shrunk_whitening_keeps_the_norm_and_lies_between_whiten_and_pca(shrinkage: float | str) -> None:
    """Shrinkage leaves the rows' norm; none is whitening, all of it is PCA up to scale."""
    rows = texts(3, 40)
    found = fit("whiten", rows, 6, shrinkage=shrinkage, norm=2.0).apply(rows)
    assert np.sqrt((found.astype(np.float64) ** 2).sum(axis=1).mean()) == pytest.approx(2, rel=1e-4)
    if shrinkage == 1.0:
        like_pca = fit("pca", rows, 6).apply(rows)
        oracles.assert_close(found / np.abs(found).max(), like_pca / np.abs(like_pca).max(), 1e-4)


def test_projection_keeps_squared_lengths_on_average() -> None:
    """The mean squared length after projection is the one before, within a few per cent."""
    rows = texts(n_items=300, width=200)
    kept = (fit("projection", rows, 100).apply(rows) ** 2).sum() / (rows**2).sum()
    assert kept == pytest.approx(1, abs=0.3)
    centred = rows - rows.mean(axis=0)
    assert (fit("projection", rows, 100).apply(centred) ** 2).sum() / (centred**2).sum() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("name", "size", "options", "error", "message"),
    [
        ("best", 4, {}, ConfigError, "unknown selector 'best'; choose one of: canonical, full, laplacian-score, pca"),
        ("variance", 4, {"portion": 0.2}, ConfigError, "unknown option 'portion'; selector variance takes: share"),
        ("uniform", 4, {"step": 2}, ConfigError, "unknown option 'step'; selector uniform takes: none"),
        ("variance", 4, {"share": 0}, ConfigError, "share=0"),
        ("variance", 4, {"share": 1.5}, ConfigError, "share=1.5"),
        ("variance", 4, {"share": "much"}, ConfigError, "share='much' cannot be used"),
        ("variance", 4, {"share": 0.03}, EmbeddingError, "raise share"),
        ("random", 4, {"replacement": "maybe"}, ConfigError, "replacement='maybe'"),
        ("whiten", 4, {"norm": -1.0}, ConfigError, "norm=-1"),
        ("whiten", 4, {"norm": float("nan")}, ConfigError, "norm=nan"),
        ("whiten", 4, {"shrinkage": 1.5}, ConfigError, 'shrinkage=1.5 cannot be used, expected .* or "auto"'),
        ("whiten", 4, {"shrinkage": "much"}, ConfigError, "shrinkage='much' cannot be used, expected a number"),
        ("whiten", WIDTH + 1, {}, EmbeddingError, "exceeds the text embeddings' 12 dimensions; lower"),
        ("uniform", 0, {}, ConfigError, "embedding_size=0"),
        ("pca", WIDTH + 1, {}, EmbeddingError, "exceeds the text embeddings' 12 dimensions"),
    ],
)
def test_bad_options(name: str, size: int, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """The error names the invalid option and what is allowed."""
    with pytest.raises(error, match=message):
        fit(name, texts(), size, **options)


@pytest.mark.parametrize("name", ["pca", "whiten"])
@pytest.mark.parametrize("rows", [texts(n_items=4), np.ones((30, WIDTH), dtype=np.float32)])
def test_too_few_directions(name: str, rows: FloatArray) -> None:
    """Fewer directions than d (few items, or equal ones) is an error, not rows of amplified noise."""
    with pytest.raises(EmbeddingError, match="directions only"):
        fit(name, rows, 6)


@pytest.mark.parametrize("degrees", [np.arange(3), np.arange(0)])
def test_degrees_must_fit_the_rows(degrees: IntArray) -> None:
    """One degree for each item is needed."""
    with pytest.raises(EmbeddingError, match="one degree"):
        fit("variance", texts(), 4, degrees)
