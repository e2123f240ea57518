"""Comparisons over users and seeds at once."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles_statistics import slow_parts, slow_sign_flip_p
from scipy import stats

from llminit.arrays import Float64Array
from llminit.errors import InputError
from llminit.statistics.paired import power_of_paired_t, smallest_detectable
from llminit.statistics.two_way import compare_paired, crossed_p_values
from simulated_hits import simulated_hits


def quadratic(covariances: Float64Array) -> float:
    return float(covariances[0, 0] - 2 * covariances[0, 1] + covariances[1, 1])


def test_parts_agree_with_an_analysis_of_variance() -> None:
    """The users' and the seeds' part of the variance of a difference equal the slow two-way analysis."""
    values, reference = simulated_hits(np.random.default_rng(0), 2, 4, 60, user_sd=1.5, seed_sd=0.3)
    spread = compare_paired(values, reference).spread
    users, seeds = slow_parts(values, reference)
    assert users > 0
    assert quadratic(spread.users) == pytest.approx(users)
    assert quadratic(spread.seeds) == pytest.approx(seeds)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_seeds=st.integers(1, 6),
    shift=st.sampled_from([0.0, 0.2, 0.5]),
    n_users=st.sampled_from([30, 150]),
)
@example(seed=57, n_seeds=1, shift=0.0, n_users=150)
def test_interval_of_the_gain_holds_zero_exactly_where_the_p_value_is_above_alpha(
    seed: int, n_seeds: int, shift: float, n_users: int
) -> None:
    """Interval and p-value never contradict each other, at any alpha and number of seeds and of users."""
    rng = np.random.default_rng(seed)
    found = compare_paired(*simulated_hits(rng, 2, n_seeds, n_users, user_sd=0.5, seed_sd=0.1, shifts=[shift, 0]))
    for alpha in (0.2, 0.05, 0.005):
        low, high = found.gain_interval(alpha)
        assert math.isinf(high) or (low <= 0 <= high) == (found.p_value > alpha)
        assert low <= found.gain <= high
    assert (found.users.low <= 0 <= found.users.high) == (found.users.p_value > 0.05)


def test_p_value_is_never_below_that_of_the_seeds() -> None:
    """Users can only add doubt to the test over seeds; where they add none, the two agree."""
    differences = np.array([0.02, 0.02])
    p_values = crossed_p_values(differences, np.array([0.0, 1e-4]), np.array([2e-5, 2e-5]), 500, 5)
    alone = 2 * stats.t.sf(0.02 / math.sqrt(2e-5), 4)
    assert p_values[0] == pytest.approx(alone)
    assert p_values[1] > 2 * alone


def test_p_value_without_spread_between_seeds_is_that_of_the_users() -> None:
    """Where every seed says the same, only which users there are is in doubt."""
    found = crossed_p_values(np.array([0.02]), np.array([1e-4]), np.array([0.0]), 500, 5)
    assert found[0] == pytest.approx(2 * stats.t.sf(2, 499))


@pytest.mark.parametrize("n_seeds", [3, 5])
@pytest.mark.parametrize("users_share", [0.0, 0.5, 0.9, 1.0])
def test_level_holds_whatever_the_variance_is_made_of(n_seeds: int, users_share: float) -> None:
    """Without a difference, at most alpha of 20,000 simulated comparisons reject, down to Holm's small alphas."""
    rng, n = np.random.default_rng(n_seeds), 20_000
    differences = rng.standard_normal(n)
    seeds = (1 - users_share) * rng.chisquare(n_seeds - 1, n) / (n_seeds - 1)
    p_values = crossed_p_values(differences, np.full(n, users_share), seeds, 10_000, n_seeds)
    for alpha in (0.05, 0.01, 0.001):
        assert np.count_nonzero(p_values <= alpha) <= stats.binom.ppf(0.9995, n, alpha)


def test_power_is_as_computed_from_the_noncentral_t() -> None:
    """With training noise and a true gain, the share found equals `power_of_paired_t`, within binomial error."""
    options: dict[str, Any] = {"seed_sd": 0.1, "shifts": [0.25, 0.0]}
    rng, n_runs, n_seeds, n_users = np.random.default_rng(5), 300, 5, 300
    many = simulated_hits(rng, 2, 3000, n_users, **options).mean(axis=2)
    differences = many[0] - many[1]
    power = power_of_paired_t(differences.mean() / differences.std(), n_seeds)
    assert 0.4 < power < 0.9
    runs = (compare_paired(*simulated_hits(rng, 2, n_seeds, n_users, **options)) for _ in range(n_runs))
    found = sum(run.p_value <= 0.05 and run.difference > 0 for run in runs)
    assert abs(found / n_runs - power) <= 3.5 * math.sqrt(power * (1 - power) / n_runs)


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_with_few_seeds_only_the_users_are_covered(n_seeds: int) -> None:
    """Below three seeds the p-value is that of the test over users, and the comparison says what it leaves out."""
    found = compare_paired(*simulated_hits(np.random.default_rng(6), 2, n_seeds, 200, shifts=[0.3, 0]))
    assert not found.spread.covers_training
    assert found.p_value == found.users.p_value
    assert (found.seeds is None) == (n_seeds == 1)


def test_few_differing_users_are_tested_exactly() -> None:
    """Where five users differ, all in one direction, the p-value is that of 32 flips and not of the normal law."""
    values = np.zeros((1, 400))
    values[0, :5] = 1
    assert compare_paired(values, np.zeros((1, 400))).p_value == slow_sign_flip_p([1] * 5) == 2 / 32


def test_equal_methods_show_nothing() -> None:
    """A method against itself: no difference, a p-value of 1 and a gain of exactly nothing."""
    hits = simulated_hits(np.random.default_rng(7), 1, 3, 50)[0]
    found = compare_paired(hits, hits)
    assert (found.difference, found.p_value, found.gain) == (0, 1, 0)
    assert found.gain_interval() == pytest.approx((0, 0), abs=1e-9)


def test_gain_over_nothing_has_no_interval() -> None:
    """A reference that never hits bounds no relative gain."""
    hits = simulated_hits(np.random.default_rng(8), 1, 3, 50, rate=0.5)[0]
    found = compare_paired(hits, np.zeros_like(hits))
    assert found.gain == math.inf
    assert found.gain_interval() == (-math.inf, math.inf)


def test_detectable_gain_is_in_units_of_the_reference() -> None:
    """It is the detectable effect over seeds times the spread of the seeds' differences, over the reference's mean."""
    reference = np.full((5, 4), 0.25)
    values = reference + np.array([0.01, -0.01, 0.02, 0.0, 0.03])[:, np.newaxis]
    expected = smallest_detectable(5) * np.std([0.01, -0.01, 0.02, 0.0, 0.03], ddof=1) / 0.25
    assert compare_paired(values, reference).detectable_gain() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "reference", "words"),
    [
        (np.ones((2, 5)), np.ones((2, 4)), "cannot be paired"),
        (np.ones((0, 5)), np.ones((0, 5)), "at least one seed"),
        (np.ones(5), np.ones(5), "expected 2 axes"),
        (np.ones((2, 1)), np.ones((2, 1)), "at least 2 values"),
        (np.full((2, 5), np.nan), np.ones((2, 5)), "NaN"),
    ],
)
def test_bad_input_is_named(values: Float64Array, reference: Float64Array, words: str) -> None:
    """What cannot be paired is refused with what was expected."""
    with pytest.raises(InputError, match=words):
        compare_paired(values, reference)
