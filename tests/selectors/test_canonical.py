"""The selector canonical."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.arrays import AnyArray, FloatArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors import Selection, SelectorInput, canonical, fit_selector
from llminit.selectors.canonical import history_covariances

N_USERS, N_ITEMS, WIDTH = 14, 25, 9
seeds = st.integers(0, 200)


def world(seed: int) -> tuple[FloatArray, AnyArray]:
    """Draw text embeddings, and interactions of which a user has none, one has one, and an item has none."""
    rng = np.random.default_rng(seed)
    texts = (rng.normal(size=(N_ITEMS, WIDTH)) @ rng.normal(size=(WIDTH, WIDTH)) + 3).astype(np.float32)
    interactions = rng.random((N_USERS, N_ITEMS)) < 0.3
    interactions[:2] = interactions[:, 0] = False
    interactions[1, 1] = True
    return texts, interactions.astype(np.float32)


def data_of(texts: FloatArray, interactions: AnyArray, size: int = 4) -> SelectorInput:
    degrees = interactions.sum(axis=0).astype(np.int64)
    return SelectorInput(texts, size, degrees, np.random.default_rng(0), sp.csr_array(interactions))


def fit(
    texts: FloatArray, interactions: AnyArray, size: int = 4, *, name: str = "canonical", **options: Any
) -> Selection:
    data = data_of(texts, interactions, size)
    return fit_selector(
        name, texts, size, item_degrees=data.item_degrees, rng=data.rng, interactions=data.interactions, options=options
    )


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_covariances_are_those_over_pairs(seed: int) -> None:
    """Both covariances are what plain loops over pairs of a history's items give."""
    texts, interactions = world(seed)
    found = history_covariances(data_of(texts, interactions))
    for covariance, expected in zip(found, oracles.history_covariances(texts, interactions), strict=True):
        oracles.assert_close(covariance, expected, 1e-4)


def test_many_users_are_summed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of users and of items change nothing."""
    data = data_of(*world(3))
    whole = history_covariances(data)
    monkeypatch.setattr(canonical, "_USERS_AT_ONCE", 3)
    monkeypatch.setattr("llminit.mapped.BLOCK_VALUES", 4 * WIDTH)
    for one, other in zip(history_covariances(data), whole, strict=True):
        oracles.assert_close(one, other, 1e-5)


def test_a_mapped_table_gives_the_same(tmp_path: Path) -> None:
    """A table that is mapped from disk has the directions of the same table in memory."""
    texts, interactions = world(5)
    np.save(tmp_path / "texts.npy", texts)
    mapped = fit(np.load(tmp_path / "texts.npy", mmap_mode="r"), interactions)
    oracles.assert_close(mapped.apply(texts), fit(texts, interactions).apply(texts), 1e-5)


@given(seeds, st.sampled_from([0.02, 0.3, 1.0]), st.integers(1, WIDTH))
@settings(max_examples=20, deadline=None)
def test_no_other_directions_are_more_alike_within_histories(seed: int, shrinkage: float, size: int) -> None:
    """The sum of the quotients that the directions maximise is the largest there is, by scipy from the covariances."""
    texts, interactions = world(seed)
    pairs, items = oracles.history_covariances(texts, interactions)
    shrunk = (1 - shrinkage) * items + shrinkage * np.trace(items) / WIDTH * np.eye(WIDTH)
    granted = pairs + 1e-3 * items
    best = scipy.linalg.eigvalsh(granted, shrunk)[::-1][:size].sum()
    matrix = fit(texts, interactions, size, shrinkage=shrinkage).matrix
    assert matrix is not None
    wide = matrix.astype(np.float64)
    found = np.trace(np.linalg.solve(wide.T @ shrunk @ wide, wide.T @ granted @ wide))
    assert found == pytest.approx(best, rel=1e-3, abs=1e-3)


def test_rows_are_centred_and_all_columns_vary_as_much() -> None:
    """Columns have mean 0 and one variance, rows the root mean squared length of the text embeddings."""
    texts, interactions = world(1)
    rows = fit(texts, interactions, 5).apply(texts).astype(np.float64)
    length = np.mean(np.sum(texts.astype(np.float64) ** 2, axis=1))
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.square(rows).mean(axis=0), length / 5, rtol=1e-3)


def test_taste_comes_before_what_varies_more() -> None:
    """A faint column that users agree on comes first, a loud one of noise last; whiten takes the loud one first."""
    rng = np.random.default_rng(0)
    taste = np.repeat([-1.0, 1.0], 30)
    texts = rng.normal(size=(60, 6)) * [1, 1, 1, 1, 20, 1]
    texts[:, 2] = taste + 0.1 * rng.normal(size=60)
    interactions = np.zeros((40, 60), dtype=np.float32)
    for user in range(40):
        interactions[user, 30 * (user % 2) + rng.permutation(30)[:6]] = 1
    first = fit(texts.astype(np.float32), interactions, 1).apply(texts.astype(np.float32))[:, 0]
    assert abs(np.corrcoef(first, taste)[0, 1]) > 0.95
    loud = fit(texts.astype(np.float32), interactions, 1, name="whiten").apply(texts.astype(np.float32))[:, 0]
    assert abs(np.corrcoef(loud, taste)[0, 1]) < 0.3


@pytest.mark.parametrize("twice", [False, True])
def test_where_histories_say_nothing_the_order_is_that_of_the_variance(twice: bool) -> None:
    """With one item a user, or two with one text, the directions span those of whiten, rather than any at all."""
    texts = world(0)[0]
    interactions = np.eye(N_ITEMS, dtype=np.float32)[:N_USERS]
    if twice:
        interactions[:], texts[1] = 0, np.nextafter(texts[0], np.float32(np.inf))
        interactions[:, :2] = 1
    rows, plain = (fit(texts, interactions, 3, name=name).apply(texts) for name in ("canonical", "whiten"))
    assert np.isfinite(rows).all()
    overlap = np.linalg.svd(np.linalg.qr(rows)[0].T @ np.linalg.qr(plain)[0], compute_uv=False)
    assert overlap.min() > 0.999


def test_directions_in_which_nothing_varies_are_not_taken() -> None:
    """A constant column and one that repeats another are left out, and too few directions are an error."""
    texts, interactions = world(4)
    texts[:, 0], texts[:, 1] = 7.0, texts[:, 2]
    rows = fit(texts, interactions, WIDTH - 2).apply(texts)
    assert np.isfinite(rows).all()
    assert np.square(rows).mean(axis=0).min() > 0
    with pytest.raises(EmbeddingError, match="vary in 7 directions only, fewer than embedding_size=8"):
        fit(texts, interactions, WIDTH - 1)


@pytest.mark.parametrize("shrinkage", [0.0, -0.1, 1.5])
def test_bad_shrinkage(shrinkage: float) -> None:
    """A share out of range is an error that names the range."""
    with pytest.raises(ConfigError, match=r"shrinkage=.* expected a number above 0 and at most 1"):
        fit(*world(0), 4, shrinkage=shrinkage)
