"""Bootstrap intervals and the sign-flip test."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_statistics import slow_sign_flip_p
from scipy import stats

from llminit.errors import InputError
from llminit.statistics import bootstrap
from llminit.statistics.bootstrap import bootstrap_interval, bootstrap_means, percentile_interval, sign_flip_p


def test_bootstrap_means_spread_as_the_standard_error() -> None:
    """Resampled means centre on the mean and spread by the standard error, within Monte Carlo error."""
    values = (np.random.default_rng(0).random((400, 1)) < 0.12).astype(float)
    means = bootstrap_means(values, n_resamples=4000)[:, 0]
    error = values.std() / np.sqrt(400)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * error / np.sqrt(4000))
    assert means.std() == pytest.approx(error, rel=0.06)


def test_bootstrap_columns_share_their_draws() -> None:
    """A column that is the double of another stays its double in every resample, so methods stay paired."""
    values = np.random.default_rng(1).random((50, 1))
    means = bootstrap_means(np.hstack([values, 2 * values]), n_resamples=20)
    assert means[:, 1] == pytest.approx(2 * means[:, 0])
    assert len(np.unique(means[:, 0])) == 20


def test_block_size_bounds_memory_and_not_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn in small blocks, each resample still draws as many users as there are."""
    monkeypatch.setattr(bootstrap, "BLOCK_ENTRIES", 64)
    means = bootstrap_means(np.ones((30, 1)), n_resamples=11)
    assert means.shape == (11, 1)
    assert means == pytest.approx(1.0)


def test_percentile_interval_covers_the_mean_as_often_as_it_says() -> None:
    """Of 400 intervals of means of hits at a rate of .12, 95 % hold the rate, within binomial error."""
    rng = np.random.default_rng(2)
    intervals = [bootstrap_interval((rng.random(200) < 0.12).astype(float), n_resamples=400) for _ in range(400)]
    covered = sum(low <= 0.12 <= high for low, high in intervals)
    assert stats.binom.ppf(0.0005, 400, 0.93) <= covered <= stats.binom.ppf(0.9995, 400, 0.96)


@settings(max_examples=40, deadline=None)
@given(differences=st.lists(st.integers(-3, 3), min_size=2, max_size=9))
def test_exact_sign_flips_agree_with_trying_all(differences: list[int]) -> None:
    """The exact p-value is the share of all flips that are as extreme; zeros do not matter."""
    assert sign_flip_p(np.array(differences)) == pytest.approx(slow_sign_flip_p(differences))


def test_drawn_sign_flips_approach_the_exact_p_value() -> None:
    """With more differences than can be enumerated, drawn flips come near the t-test's p-value."""
    differences = np.random.default_rng(3).normal(0.2, 1, 100)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert sign_flip_p(differences, n_flips=20_000) == pytest.approx(expected, abs=0.01)


def test_same_seed_same_result() -> None:
    """Both are functions of their seed."""
    values = np.random.default_rng(4).random(40)
    assert bootstrap_interval(values, seed=1).tolist() == bootstrap_interval(values, seed=1).tolist()
    assert bootstrap_interval(values, seed=1).tolist() != bootstrap_interval(values, seed=2).tolist()
    assert sign_flip_p(values - 0.45, n_flips=99, seed=1) == sign_flip_p(values - 0.45, n_flips=99, seed=1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bootstrap_means(np.ones(3)), "expected 2 axes"),
        (lambda: bootstrap_means(np.ones((3, 1)), n_resamples=0), "n_resamples=0"),
        (lambda: sign_flip_p(np.ones(3), n_flips=0), "n_flips=0"),
        (lambda: percentile_interval(np.ones(3), confidence=95), "confidence=95"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], words: str) -> None:
    """What cannot be resampled is refused with what was expected."""
    with pytest.raises(InputError, match=words):
        call()
