"""Paired tests, Holm's correction and power."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_statistics import slow_holm
from scipy import stats

from llminit.errors import InputError
from llminit.statistics.paired import holm, paired_t, power_of_paired_t, smallest_detectable

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(differences=st.lists(st.integers(-50, 50), min_size=2, max_size=30).filter(lambda values: len(set(values)) > 1))
def test_paired_t_agrees_with_scipy(differences: list[int]) -> None:
    """Statistic, p-value and interval are those of scipy's one-sample t-test on the differences."""
    found, expected = paired_t(np.array(differences)), stats.ttest_1samp(differences, 0.0)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.effect_size == pytest.approx(np.mean(differences) / np.std(differences, ddof=1))


def test_differences_without_spread() -> None:
    """Nothing but zeros shows nothing; the same difference in every pair leaves no doubt."""
    assert paired_t(np.zeros(4)).p_value == 1
    assert paired_t(np.zeros(4)).effect_size == 0
    assert paired_t(np.full(4, 0.5)).p_value == 0


@settings(max_examples=50, deadline=None)
@given(p_values=probabilities)
def test_holm_agrees_with_its_slow_version(p_values: list[float]) -> None:
    """Corrected p-values equal a walk from the smallest upwards, in the order given."""
    assert holm(np.array(p_values)) == pytest.approx(slow_holm(p_values))


def test_holm_by_hand() -> None:
    """Three p-values, corrected with a pencil: .01 x 3, .02 x 2, and .03 x 1 held up by the one before."""
    assert holm(np.array([0.03, 0.01, 0.02])) == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("effect_size", [0.0, 0.8, 2.0])
def test_power_is_how_often_the_test_finds_the_effect(n: int, effect_size: float) -> None:
    """The computed power equals the share of 20,000 simulated tests that reject, within four standard errors."""
    rng = np.random.default_rng(n)
    differences = rng.standard_normal((20_000, n)) + effect_size
    share = np.mean(stats.ttest_1samp(differences, 0.0, axis=1).pvalue <= 0.05)
    power = power_of_paired_t(effect_size, n)
    assert abs(share - power) <= 4 * np.sqrt(power * (1 - power) / 20_000)


@pytest.mark.parametrize(("n", "effect_size"), [(4, 0.5), (5, 1.5), (30, 0.6), (10_000, 0.02)])
def test_power_equals_the_noncentral_t(n: int, effect_size: float) -> None:
    """Where scipy's noncentral t has a value, it is ours."""
    threshold, shift = stats.t.isf(0.005, n - 1), effect_size * np.sqrt(n)
    expected = stats.nct.sf(threshold, n - 1, shift) + stats.nct.cdf(-threshold, n - 1, shift)
    assert power_of_paired_t(effect_size, n, alpha=0.01) == pytest.approx(expected, rel=1e-9)
    assert power_of_paired_t(-effect_size, n, alpha=0.01) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.0005), (3, 0.001), (5, 0.05), (10_000, 0.05)])
def test_smallest_detectable_effect_has_the_power_asked_for(n: int, alpha: float) -> None:
    """The effect returned is found with exactly the power asked for, few pairs and a small alpha included."""
    assert power_of_paired_t(smallest_detectable(n, alpha, power=0.7), n, alpha) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: paired_t(np.array([1.0])), "at least 2 values"),
        (lambda: paired_t(np.array([1.0, np.nan])), "NaN"),
        (lambda: paired_t(np.ones((2, 2))), "expected 1 axes"),
        (lambda: holm(np.array([0.5, 1.5])), "0..1"),
        (lambda: holm(np.array([np.nan])), "0..1"),
        (lambda: power_of_paired_t(1.0, 1), "at least 2 pairs"),
        (lambda: power_of_paired_t(1.0, 5, alpha=0), "between 0 and 1"),
        (lambda: smallest_detectable(5, power=0.01), "above alpha"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], words: str) -> None:
    """What cannot be tested is refused with what was expected."""
    with pytest.raises(InputError, match=words):
        call()
