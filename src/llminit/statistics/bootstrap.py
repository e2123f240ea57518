"""Inference by resampling users: bootstrap intervals and the sign-flip test. Memory is bounded, results are seeded."""

import numpy as np

from llminit.arrays import AnyArray, Float64Array
from llminit.errors import InputError
from llminit.statistics.paired import checked_values

BLOCK_ENTRIES = 2**22
"""How many drawn numbers one block holds."""


def bootstrap_means(values: AnyArray, n_resamples: int = 2000, seed: int = 0) -> Float64Array:
    """Compute means over users drawn with replacement, the same draws for every column, so that columns stay paired.

    Args:
        values: float64 of shape (n_users, m): the measures of m methods for the same users.
        n_resamples: How many sets of n_users users are drawn.
        seed: Of the draws.

    Returns:
        float64 of shape (n_resamples, m). Its percentiles, or those of what is computed from it row by row, are the
        bounds of percentile intervals (Efron and Tibshirani 1993, chapter 13).

    Raises:
        InputError: A shape or value cannot be used.
    """
    by_method = checked_values(np.asarray(values).T, "values, one row a method,", ndim=2)
    _check_count(n_resamples, "n_resamples")
    rng, n = np.random.default_rng(seed), by_method.shape[1]
    means = np.empty((n_resamples, len(by_method)))
    for start in range(0, n_resamples, size := max(1, BLOCK_ENTRIES // n)):
        rows = min(size, n_resamples - start)
        drawn = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, np.newaxis]
        counts = np.bincount(drawn.reshape(-1), minlength=rows * n).reshape(rows, n)
        means[start : start + rows] = counts.astype(np.float64) @ by_method.T / n
    return means


def bootstrap_interval(
    values: AnyArray, confidence: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Float64Array:
    """Compute the percentile interval of a mean over users.

    Args:
        values: float64 of shape (n_users,).
        confidence: The share of intervals that are to hold the true mean.
        n_resamples: How many sets of users are drawn.
        seed: Of the draws.

    Returns:
        float64 of shape (2,), the lower and the upper bound.

    Raises:
        InputError: A shape or value cannot be used.
    """
    means = bootstrap_means(np.asarray(values)[:, np.newaxis], n_resamples, seed)
    return percentile_interval(means[:, 0], confidence)


def percentile_interval(resampled: AnyArray, confidence: float = 0.95) -> Float64Array:
    """Return the bounds, float64 of shape (2,), that leave equal shares of resampled values out on both sides.

    Raises:
        InputError: The confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence}; expected a number between 0 and 1, such as 0.95")
    bounds: Float64Array = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return bounds


def sign_flip_p(differences: AnyArray, n_flips: int = 10_000, seed: int = 0) -> float:
    """Test whether paired differences are as often positive as negative, alike in size, by flipping their signs.

    All flips of the non-zero differences are counted where there are at most `n_flips` of them (an exact test);
    otherwise that many are drawn, and the p-value is (1 + as extreme) / (1 + drawn).

    Args:
        differences: float64 of shape (n,).
        n_flips: The most flips that are tried.
        seed: Of the flips that are drawn.

    Returns:
        The two-sided p-value; 1 where no difference is other than zero.

    Raises:
        InputError: A shape or value cannot be used.
    """
    values = checked_values(differences, "differences", ndim=1)
    _check_count(n_flips, "n_flips")
    values = values[values != 0]
    # Sums of the same numbers in another order differ in their last digits, and are still as extreme.
    threshold = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    if len(values) <= np.log2(n_flips):
        flips = (np.arange(2 ** len(values))[:, np.newaxis] >> np.arange(len(values))) & 1
        return float(np.mean(np.abs((1.0 - 2.0 * flips) @ values) >= threshold))
    rng, n_extreme = np.random.default_rng(seed), 0
    for start in range(0, n_flips, size := max(1, BLOCK_ENTRIES // len(values))):
        rows = min(size, n_flips - start)
        flips = rng.integers(0, 2, (rows, len(values)), dtype=np.int8)
        n_extreme += int(np.count_nonzero(np.abs((1.0 - 2.0 * flips) @ values) >= threshold))
    return (1 + n_extreme) / (1 + n_flips)


def _check_count(count: int, what: str) -> None:
    if count < 1:
        raise InputError(f"{what}={count}; expected at least 1; raise it")
