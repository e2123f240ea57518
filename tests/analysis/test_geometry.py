"""Alignment, uniformity, anisotropy and the summary."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_analysis import slow_alignment, slow_anisotropy, slow_effective_rank, slow_spectrum, slow_uniformity

from llminit.analysis import alignment, anisotropy, describe, matrices, uniformity
from llminit.arrays import FloatArray
from llminit.errors import EmbeddingError, InputError


def draw(seed: int, n: int, d: int, offset: float = 0.0) -> FloatArray:
    return (np.random.default_rng(seed).normal(size=(n, d)) + offset).astype(np.float32)


seeds = st.integers(0, 10**6)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n_users=st.integers(1, 6), n_items=st.integers(1, 6), n=st.integers(1, 20), d=st.integers(1, 5))
def test_alignment_agrees_with_a_walk_over_interactions(seed: int, n_users: int, n_items: int, n: int, d: int) -> None:
    """The mean over interactions, repeated ones counted again, between 0 and 4."""
    users, items = draw(seed, n_users, d), draw(seed + 1, n_items, d)
    items[0] = 0
    rng = np.random.default_rng(seed)
    of_users, of_items = rng.integers(n_users, size=n), rng.integers(n_items, size=n)
    found = alignment(users, items, of_users, of_items)
    assert found == pytest.approx(slow_alignment(users, items, zip(of_users, of_items, strict=True)), abs=1e-5)
    assert 0 <= found <= 4 + 1e-5


def test_alignment_is_0_for_one_direction_and_4_for_opposite_ones() -> None:
    """Only directions count: the same at any length is 0, the opposite 4, a right angle 2."""
    rows, codes = draw(0, 5, 3), np.arange(5)
    assert alignment(rows, rows, codes, codes) == 0
    assert alignment(rows, rows * 7, codes, codes) == pytest.approx(0, abs=1e-6)
    assert alignment(rows, -rows, codes, codes) == pytest.approx(4)
    assert alignment(np.array([[1.0, 0]]), np.array([[0, 2.0]]), codes[:1], codes[:1]) == pytest.approx(2)


def test_blocks_do_not_change_alignment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interactions are measured in blocks of bounded memory, with the same result."""
    rows, codes = draw(1, 40, 3), np.arange(40)
    whole = alignment(rows, rows[::-1], codes, codes)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 8 * 3 * 7)
    assert alignment(rows, rows[::-1], codes, codes) == pytest.approx(whole)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 15), d=st.integers(1, 5))
def test_uniformity_of_few_rows_is_that_of_all_pairs(seed: int, n: int, d: int) -> None:
    """Every pair is measured once while they are few enough."""
    table = draw(seed, n, d)
    assert uniformity(table) == pytest.approx(slow_uniformity(table), abs=1e-5)


def test_uniformity_of_many_rows_is_estimated_from_a_seeded_sample() -> None:
    """Drawn pairs give the same for the same seed, nearly the same for another, and close to all pairs."""
    table = draw(3, 300, 4, offset=1)
    exact = uniformity(table)
    sampled = [uniformity(table, seed, n_pairs=20_000) for seed in (0, 0, 1)]
    assert sampled[0] == sampled[1] != sampled[2]
    assert sampled == pytest.approx([exact] * 3, abs=0.03)


def test_drawn_pairs_are_never_a_row_with_itself() -> None:
    """Two opposite rows are as far apart in a sample as they are: a row paired with itself would pull to 0."""
    table = np.eye(40, dtype=np.float32)
    assert uniformity(table, n_pairs=700) == pytest.approx(-4, abs=1e-5)


def test_uniformity_is_lower_for_rows_that_are_spread() -> None:
    """All rows in one direction have the largest value, 0; spreading lowers it."""
    assert uniformity(np.outer(np.arange(1, 9), [1.0, 2, 3])) == pytest.approx(0, abs=1e-6)
    assert uniformity(draw(0, 100, 8)) < uniformity(draw(0, 100, 8, offset=2)) < 0


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 15), d=st.integers(1, 5), offset=st.floats(-3, 3))
def test_anisotropy_agrees_with_a_walk_over_pairs(seed: int, n: int, d: int, offset: float) -> None:
    """The mean cosine of all pairs and both shares equal their slow versions."""
    table = draw(seed, n, d, offset)
    assert anisotropy(table) == pytest.approx(slow_anisotropy(table), abs=1e-5)


def test_anisotropy_measures_a_common_mean_and_a_leading_direction() -> None:
    """A large mean is most of the length and of the cosines; without one both are near 0."""
    with_mean, without = anisotropy(draw(0, 400, 16, offset=5)), anisotropy(draw(0, 400, 16))
    assert with_mean["mean_cosine"] > 0.9
    assert with_mean["mean_share"] > 0.9
    assert abs(without["mean_cosine"]) < 0.01
    assert without["mean_share"] < 0.01
    stretched = draw(0, 400, 16) * np.array([10] + [1] * 15)
    assert anisotropy(stretched)["top_share"] > 0.8


def test_one_row_and_zeros_share_nothing() -> None:
    """No pair, no length and no variance are 0 each, not NaN."""
    assert anisotropy(np.ones((1, 3))) == {"mean_cosine": 0, "mean_share": 1, "top_share": 0}
    assert anisotropy(np.zeros((3, 2))) == {"mean_cosine": 0, "mean_share": 0, "top_share": 0}


def test_describe_holds_every_measure_ready_for_json() -> None:
    """The summary survives JSON unchanged, and its numbers are the measures' at 5 digits."""
    users, items = draw(0, 20, 6), draw(1, 30, 6, offset=1)
    of_users, of_items = np.arange(20), np.arange(20)
    found = describe(users, items, of_users, of_items, seed=4)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    values = slow_spectrum(items)
    expected = {
        "singular_values": values,
        "effective_rank": slow_effective_rank(values),
        "effective_rank_centred": slow_effective_rank(slow_spectrum(items, centred=True)),
        "information_abundance": values.sum() / values[0],
        "alignment": slow_alignment(users, items, zip(of_users, of_items, strict=True)),
        "uniformity": slow_uniformity(items),
        "users_effective_rank": slow_effective_rank(slow_spectrum(users)),
        "users_uniformity": slow_uniformity(users),
    }
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4)
    assert all(len(f"{value:.10g}".replace(".", "").strip("0")) <= 5 for value in found["singular_values"])


def test_describe_keeps_the_largest_of_very_many_singular_values() -> None:
    """At most 768 are kept, from the largest; the measures use all."""
    items = np.eye(3, 800) * np.array([[1], [3], [2]])
    found = describe(items, items, np.array([0]), np.array([1]))
    assert len(found["singular_values"]) == 768
    assert found["singular_values"][:4] == [3, 2, 1, 0]


def test_huge_and_tiny_rows_keep_their_direction() -> None:
    """Lengths whose squares leave float32's range do not make a direction NaN or 0."""
    rows, codes = draw(0, 4, 3), np.arange(4)
    for scale in (1e-30, 1e30):
        assert alignment(rows * np.float32(scale), rows, codes, codes) == pytest.approx(0, abs=1e-6)


def test_invalid_input_is_refused() -> None:
    """Different widths, codes out of range, no interactions and too few rows or pairs are named."""
    rows, codes = draw(0, 3, 2), np.arange(3)
    with pytest.raises(EmbeddingError, match="2 wide and item embeddings 4"):
        alignment(rows, draw(0, 3, 4), codes, codes)
    with pytest.raises(InputError, match="item codes from 0 to 2; expected 0 to 1"):
        alignment(rows, rows[:2], codes, codes)
    with pytest.raises(InputError, match="no interaction"):
        alignment(rows, rows, codes[:0], codes[:0])
    with pytest.raises(InputError, match="3 users and 2 items"):
        alignment(rows, rows, codes, codes[:2])
    with pytest.raises(EmbeddingError, match="at least 2 rows"):
        uniformity(rows[:1])
    with pytest.raises(InputError, match="n_pairs=0"):
        uniformity(rows, n_pairs=0)
    with pytest.raises(EmbeddingError, match="user embeddings: 3 of 3 rows"):
        describe(rows * np.nan, rows, codes, codes)
