"""Paired tests on arrays: Student's t, Holm's correction over a family, and the power that a number of pairs gives."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from llminit.arrays import AnyArray, Float64Array
from llminit.errors import InputError

ALPHA = 0.05
"""The share of false findings that is accepted in a family of comparisons."""

LARGEST_EFFECT = 1e6


@dataclass(frozen=True)
class PairedTest:
    """What paired differences show about their mean.

    Attributes:
        n: How many pairs.
        mean: Mean difference.
        standard_error: Its standard error.
        p_value: Two-sided.
        effect_size: Cohen's d_z, the mean divided by the standard deviation of the differences; 0 where all are 0.
        low: Lower bound of the 95 % interval of the mean.
        high: Upper bound.
    """

    n: int
    mean: float
    standard_error: float
    p_value: float
    effect_size: float
    low: float
    high: float


def paired_t(differences: AnyArray) -> PairedTest:
    """Test whether the mean of paired differences is zero, by Student's paired t-test.

    Args:
        differences: float64 of shape (n,), n at least 2: one method's value minus the other's, for each pair.

    Raises:
        InputError: There are fewer than two pairs, or a value is not a finite number.
    """
    values = checked_values(differences, "differences", ndim=1)
    n, mean = len(values), float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n)
    statistic = ratio(mean, error)
    margin = float(critical_t(ALPHA, n - 1)) * error
    p_value = float(2 * special.stdtr(n - 1, -abs(statistic)))
    return PairedTest(n, mean, error, p_value, statistic / math.sqrt(n), mean - margin, mean + margin)


def holm(p_values: AnyArray) -> Float64Array:
    """Correct the p-values of one family of tests by Holm's step-down procedure.

    Rejecting where the corrected value is at most alpha keeps the chance of any false rejection in the family at alpha
    or below, however the tests depend on each other. Source: Holm 1979, Scandinavian Journal of Statistics 6(2).

    Args:
        p_values: float64 of shape (m,), each in 0..1.

    Returns:
        float64 of shape (m,), in the same order, each at least as large as before and at most 1.

    Raises:
        InputError: A value is not in 0..1.
    """
    raw = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not ((raw >= 0) & (raw <= 1)).all():
        raise InputError(f"found p-values {raw.tolist()}, expected numbers in 0..1; pass the p-values of the tests")
    order = np.argsort(raw, kind="stable")
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)))
    return corrected


def power_of_paired_t(effect_size: float, n: int, alpha: float = ALPHA) -> float:
    """Compute the chance that a two-sided paired t-test finds an effect, from the noncentral t distribution.

    Args:
        effect_size: The true d_z: mean difference divided by the standard deviation of the differences.
        n: How many pairs, at least 2; seeds, for a test across seeds.
        alpha: The test rejects where its p-value is at most this. With Holm's correction over m tests, the first step
            rejects at alpha / m.

    Raises:
        InputError: There are fewer than two pairs, or alpha is not between 0 and 1.
    """
    _check_design(n, alpha)
    # Given the spread s that is observed (in units of the true one), the mean decides: an average of normal tails over
    # s. scipy's noncentral t gives NaN for few pairs and large effects, which is where it is needed here.
    threshold, shift = float(critical_t(alpha, n - 1)), abs(effect_size) * math.sqrt(n)
    spread, weights = _spread_quantiles(n - 1)
    power = special.ndtr(shift - threshold * spread) + special.ndtr(-shift - threshold * spread)
    return float(np.clip(weights @ power, 0.0, 1.0))


@lru_cache(maxsize=4096)
def smallest_detectable(n: int, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return the effect size (d_z) that a paired t-test of n pairs finds with the given power.

    Raises:
        InputError: There are fewer than two pairs, alpha is not between 0 and 1, or the power not between alpha and 1.
    """
    _check_design(n, alpha)
    if not alpha < power < 1:
        raise InputError(f"power={power}; expected a number above alpha={alpha} and below 1, such as 0.8")
    highest = 1.0
    while power_of_paired_t(highest, n, alpha) < power and highest < LARGEST_EFFECT:
        highest *= 2
    found: float = optimize.brentq(lambda effect: power_of_paired_t(effect, n, alpha) - power, 0.0, highest)
    return found


def critical_t(alpha: AnyArray | float, degrees: int) -> Float64Array:
    """Return the two-sided critical values of Student's t, of the shape of `alpha`."""
    values: Float64Array = -special.stdtrit(degrees, np.asarray(alpha, dtype=np.float64) / 2)
    return values


def ratio(value: float, scale: float) -> float:
    """Divide, where nothing over nothing is nothing, and something over nothing is infinite."""
    if scale == 0:
        return 0.0 if value == 0 else math.copysign(math.inf, value)
    return value / scale


def checked_values(values: AnyArray, what: str, ndim: int) -> Float64Array:
    """Return values as float64 with at least two along the last axis.

    Raises:
        InputError: The shape is another, or a value is not a finite number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim or array.shape[-1] < 2:
        raise InputError(f"{what} have shape {array.shape}; expected {ndim} axes and at least 2 values along the last")
    if not np.isfinite(array).all():
        raise InputError(f"{what} hold NaN or infinite values; expected numbers; check how they were measured")
    return array


@lru_cache(maxsize=64)
def _spread_quantiles(degrees: int) -> tuple[Float64Array, Float64Array]:
    """Return quantiles of the root of chi-squared over its degrees, and weights: a trapezoid rule in the log-odds."""
    odds = np.linspace(-40.0, 40.0, 1601)
    below, above = special.expit(odds), special.expit(-odds)
    half = degrees / 2
    squared = np.where(odds < 0, special.gammaincinv(half, below), special.gammainccinv(half, above)) / half
    return np.sqrt(squared), below * above * (odds[1] - odds[0])


def _check_design(n: int, alpha: float) -> None:
    if n < 2:
        raise InputError(f"n={n}; expected at least 2 pairs, because one pair has no spread; use more seeds or users")
    if not 0 < alpha < 1:
        raise InputError(f"alpha={alpha}; expected a number between 0 and 1, such as 0.05")
