"""Spectra and the measures that are computed from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_analysis import slow_effective_rank, slow_spectrum

from llminit.analysis import effective_rank, information_abundance, matrices, spectrum
from llminit.arrays import AnyArray, Float64Array, FloatArray
from llminit.errors import EmbeddingError, InputError


def draw(seed: int, n: int, d: int, offset: float = 0.0) -> FloatArray:
    return (np.random.default_rng(seed).normal(size=(n, d)) + offset).astype(np.float32)


def rotation(seed: int, d: int) -> Float64Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


tables = st.builds(
    draw, seed=st.integers(0, 10**6), n=st.integers(1, 30), d=st.integers(1, 12), offset=st.floats(-3, 3)
)


@settings(max_examples=50, deadline=None)
@given(table=tables, centred=st.booleans())
def test_spectrum_is_that_of_a_full_decomposition(table: FloatArray, centred: bool) -> None:
    """Raw and centred, for tall and wide tables: numpy's singular values, descending, d of them."""
    values = spectrum(table, centred=centred)
    assert values.dtype == np.float64
    assert values.shape == (table.shape[1],)
    assert (np.diff(values) <= 0).all()
    assert not values[len(table) :].any()
    np.testing.assert_allclose(values, slow_spectrum(table, centred=centred), atol=2e-6 * (1 + np.abs(table).sum()))


def test_blocks_do_not_change_the_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are added up in blocks of bounded memory, with the same result."""
    table = draw(0, 50, 6, offset=2)
    whole = spectrum(table, centred=True)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 8 * 6 * 7)
    np.testing.assert_allclose(spectrum(table, centred=True), whole, rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(table=tables, scale=st.floats(0.01, 100))
def test_rotation_changes_nothing_and_scale_no_ratio(table: FloatArray, scale: float) -> None:
    """A rotation keeps the spectrum; scaling keeps effective rank and information abundance."""
    rotated = table @ rotation(1, table.shape[1])
    np.testing.assert_allclose(spectrum(rotated), spectrum(table), atol=1e-5 * (1 + np.abs(table).sum()))
    values = spectrum(table)
    for measure in (effective_rank, information_abundance):
        assert measure(values * scale) == pytest.approx(measure(values))
        assert 1 - 1e-9 <= measure(values) <= table.shape[1] + 1e-9


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=20).filter(lambda values: sum(values) > 1e-3))
def test_effective_rank_agrees_with_its_definition(values: list[float]) -> None:
    """Roy and Vetterli's entropy, zeros included."""
    assert effective_rank(np.array(values)) == pytest.approx(slow_effective_rank(values))


def test_equal_directions_count_fully_and_a_single_one_counts_once() -> None:
    """Equal singular values, r of them, have effective rank and abundance r, whatever the width; zeros have none."""
    for r in (1, 3, 8):
        values = np.append(np.full(r, 5.0), np.zeros(8 - r))
        assert effective_rank(values) == pytest.approx(r)
        assert information_abundance(values) == pytest.approx(r)
    assert effective_rank(np.zeros(4)) == information_abundance(np.zeros(4)) == 0


def test_information_abundance_is_the_sum_over_the_largest() -> None:
    """As Guo et al. define it."""
    assert information_abundance(np.array([4.0, 2.0, 1.0])) == pytest.approx(7 / 4)


def test_centring_removes_a_common_mean() -> None:
    """A large mean alone makes a raw spectrum look collapsed; centred, it is that of the spread."""
    table = draw(2, 500, 8, offset=20)
    assert effective_rank(spectrum(table)) < 4
    assert effective_rank(spectrum(table, centred=True)) > 7.9


@pytest.mark.parametrize(
    ("message", "table"),
    [
        ("shape \\(3,\\)", np.zeros(3)),
        ("shape \\(0, 3\\)", np.zeros((0, 3))),
        ("1 of 2 rows hold NaN", np.array([[1.0, 2], [np.nan, np.inf]])),
        ("found <U1", np.array([["a"]])),
    ],
)
def test_tables_that_have_no_spectrum_are_refused(message: str, table: AnyArray) -> None:
    """Anything but a table of finite numbers is an EmbeddingError that names it."""
    with pytest.raises(EmbeddingError, match=message):
        spectrum(table)


@pytest.mark.parametrize("values", [np.ones((2, 2)), np.array([]), np.array([-1.0]), np.array([np.nan])])
def test_invalid_spectra_are_refused(values: Float64Array) -> None:
    """Embeddings in place of singular values, or negative ones, are InputErrors."""
    for measure in (effective_rank, information_abundance):
        with pytest.raises(InputError, match="pass the result of spectrum"):
            measure(values)
