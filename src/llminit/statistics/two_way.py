"""Two methods compared over users and seeds at once: would other users and another training run agree?

A seed is a split and a training run, and every seed measures the same users. So a mean difference varies for two
reasons. Which users there are: some fare better with one method at every seed. And which seeds there are: one training
run helps or hurts all users together, and each user's test items change. A test over users alone takes the second for
granted, a test over seeds alone the first, and each then finds differences that are not there (Clark 1973, "The
language-as-fixed-effect fallacy", doi 10.1016/S0022-5371(73)80014-3). Here the variance of the mean is the sum of a
part of the users and a part of the seeds, and the threshold adds up each part's own t threshold:

    difference ** 2 > t(users - 1) ** 2 * users' part + t(seeds - 1) ** 2 * seeds' part

which keeps the chance of a false finding at alpha or below whatever the two parts are (Banerjee 1961, Sankhya A 23),
where Satterthwaite's approximate degrees of freedom exceed it several times over at five seeds and a small alpha.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from llminit.arrays import AnyArray, Float64Array
from llminit.errors import InputError
from llminit.statistics.bootstrap import sign_flip_p
from llminit.statistics.paired import (
    ALPHA,
    PairedTest,
    checked_values,
    critical_t,
    paired_t,
    ratio,
    smallest_detectable,
)

MIN_SEEDS = 3
"""With fewer seeds the spread between training runs is not known well enough to be of use."""

FEW_DIFFERING = 13
"""Up to so many users with a difference, the test over users tries all sign flips too; t alone is a poor guide then."""

TINY = 1e-300
"""No p-value is told apart from a smaller one."""

_DIFFERENCE = np.array([1.0, -1.0])


@dataclass(frozen=True)
class Spread:
    """The covariances of two means (the method's, the reference's), float64 of shape (2, 2), and what they rest on.

    Attributes:
        users: The part that other users would change.
        seeds: The part that other seeds would change; zero where there are too few seeds to know.
        n_users: How many users.
        n_seeds: How many seeds.
        n_candidates: How many methods one of the two was chosen from by other items of the same users.
    """

    users: Float64Array
    seeds: Float64Array
    n_users: int
    n_seeds: int
    n_candidates: int = 1

    @property
    def covers_training(self) -> bool:
        """Whether the spread between training runs is in it."""
        return self.n_seeds >= MIN_SEEDS

    def margin(self, alpha: AnyArray | float) -> Float64Array:
        """Return the squared half-widths of intervals as covariances, of shape (..., 2, 2) for `alpha` of (...)."""
        shared = np.asarray(alpha) / self.n_candidates
        users = np.multiply.outer(critical_t(shared, self.n_users - 1) ** 2, self.users)
        if not self.covers_training:
            return users
        seeds: Float64Array = np.multiply.outer(critical_t(alpha, self.n_seeds - 1) ** 2, self.seeds)
        return users + seeds


@dataclass(frozen=True)
class Comparison:
    """What two methods' values for the same users and seeds show.

    Attributes:
        mean: The method's mean.
        reference_mean: The reference's mean.
        spread: How sure the two means are.
        p_value: Of no difference, two-sided: for other users and another training run with at least three seeds; with
            fewer for other users alone.
        users: The paired test over users, each user's difference averaged over seeds. It takes the training for given.
        seeds: The paired test over seeds, each seed's difference averaged over users. It takes the users for given.
            None for one seed.
    """

    mean: float
    reference_mean: float
    spread: Spread
    p_value: float
    users: PairedTest
    seeds: PairedTest | None

    @property
    def difference(self) -> float:
        """The method's mean minus the reference's."""
        return self.mean - self.reference_mean

    @property
    def gain(self) -> float:
        """The difference as a share of the reference's mean."""
        return ratio(self.difference, self.reference_mean)

    def gain_interval(self, alpha: float = ALPHA) -> tuple[float, float]:
        """Return bounds of the gain by Fieller's method; they hold 0 exactly where the p-value is above alpha.

        Both bounds are infinite where the reference's own mean could be zero. Source: Fieller 1954, JRSS B 16(2).
        """
        means, margin = (self.mean, self.reference_mean), self.spread.margin(alpha)
        squared, half, rest = (means[i] * means[j] - margin[i, j] for i, j in ((1, 1), (0, 1), (0, 0)))
        if squared <= 0:
            return -math.inf, math.inf
        root = math.sqrt(max(0.0, half * half - squared * rest))
        bounds = (half - root) / squared - 1, (half + root) / squared - 1
        return _reaching_zero(*bounds) if self.p_value > alpha else bounds

    def detectable_gain(self, alpha: float = ALPHA, power: float = 0.8) -> float:
        """Return about how large a gain so many seeds would have shown at this alpha with this chance."""
        n = self.spread.n_seeds if self.spread.covers_training else self.spread.n_users
        error = math.sqrt(_quadratic(self.spread.users + self.spread.seeds))
        return ratio(smallest_detectable(n, alpha, power) * math.sqrt(n) * error, abs(self.reference_mean))


def compare_paired(values: AnyArray, reference: AnyArray, n_candidates: int = 1) -> Comparison:
    """Compare two methods measured on the same users at the same seeds.

    Args:
        values: float64 of shape (n_seeds, n_users): a metric of the method, for each seed and user.
        reference: The same of the reference.
        n_candidates: How many methods the first was chosen from by other items of the same users. What these users
            happen to like raised its chance to be chosen and raises its values too, so the users' part is tested as
            that of the best of so many (Bonferroni's correction).

    Raises:
        InputError: Shapes differ, there are fewer than two users, or a value is not a finite number.
    """
    first, second = (checked_values(table, "values by seed and user", ndim=2) for table in (values, reference))
    if first.shape != second.shape or not len(first):
        raise InputError(
            f"values of shape {first.shape} and reference values of shape {second.shape} cannot be paired; expected "
            "the same seeds and users in both, and at least one seed; keep only what both have"
        )
    differences = first - second
    users = _over_users(differences.mean(axis=0))
    seeds = paired_t(differences.mean(axis=1)) if len(first) > 1 else None
    spread = replace(_spread(np.stack([first, second])), n_candidates=n_candidates)
    over_users = min(1.0, n_candidates * users.p_value)
    p_value = _two_way_p(float(differences.mean()), spread) if spread.covers_training else over_users
    return Comparison(float(first.mean()), float(second.mean()), spread, p_value, users, seeds)


def two_way_p_values(
    differences: AnyArray, users: AnyArray, seeds: AnyArray, n_users: int, n_seeds: int, n_candidates: int = 1
) -> Float64Array:
    """Compute p-values of mean differences whose variance has a part of the users and a part of the seeds.

    Args:
        differences: float64 of shape (m,).
        users: float64 of shape (m,), the users' part of the variance of each.
        seeds: float64 of shape (m,), the seeds' part.
        n_users: How many users the first part was estimated from, at least 2.
        n_seeds: How many seeds the second part was estimated from, at least 2.
        n_candidates: How many methods each was chosen from by other items of the same users.

    Returns:
        float64 of shape (m,): the alpha at which each difference is as large as its threshold.
    """
    squared = np.asarray(differences, dtype=np.float64) ** 2
    # The threshold is above that of either part alone, and below where both parts reach half of the square.
    low, high = (
        np.log(np.clip(np.maximum(*_one_way_p(share * squared, users, seeds, n_users, n_seeds, n_candidates)), TINY, 1))
        for share in (1.0, 0.5)
    )
    for _ in range(30):
        middle = (low + high) / 2
        alpha = np.exp(middle)
        by_users = critical_t(alpha / n_candidates, n_users - 1) ** 2 * users
        is_detected = squared >= by_users + critical_t(alpha, n_seeds - 1) ** 2 * seeds
        low, high = np.where(is_detected, low, middle), np.where(is_detected, middle, high)
    return np.where(squared == 0, 1.0, np.exp(high))


def _one_way_p(
    squared: Float64Array, users: AnyArray, seeds: AnyArray, n_users: int, n_seeds: int, n_candidates: int
) -> tuple[Float64Array, Float64Array]:
    """Return the p-values as if all of the variance were that of the users, and as if it were that of the seeds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        by_users, by_seeds = np.sqrt(squared / users), np.sqrt(squared / seeds)
    return (
        n_candidates * 2 * special.stdtr(n_users - 1, -np.nan_to_num(by_users, posinf=np.inf)),
        2 * special.stdtr(n_seeds - 1, -np.nan_to_num(by_seeds, posinf=np.inf)),
    )


def _two_way_p(difference: float, spread: Spread) -> float:
    users, seeds = (np.array([_quadratic(part)]) for part in (spread.users, spread.seeds))
    counts = spread.n_users, spread.n_seeds, spread.n_candidates
    return float(two_way_p_values(np.array([difference]), users, seeds, *counts)[0])


def _over_users(differences: Float64Array) -> PairedTest:
    test = paired_t(differences)
    if np.count_nonzero(differences) > FEW_DIFFERING:
        return test
    # The larger of the two p-values, so that where it is small the interval by t does not hold 0 either.
    p_value = max(test.p_value, sign_flip_p(differences, 2**FEW_DIFFERING))
    low, high = _reaching_zero(test.low, test.high) if p_value > ALPHA else (test.low, test.high)
    return replace(test, p_value=p_value, low=low, high=high)


def _reaching_zero(low: float, high: float) -> tuple[float, float]:
    return min(low, 0.0), max(high, 0.0)


def _spread(values: Float64Array) -> Spread:
    """Split the covariances of two means into parts; `values` is of shape (2, n_seeds, n_users)."""
    _, n_seeds, n_users = values.shape
    by_user, by_seed = values.mean(axis=1), values.mean(axis=2)
    users = np.cov(by_user) / n_users
    if n_seeds < MIN_SEEDS:
        return Spread(users, np.zeros((2, 2)), n_users, n_seeds)
    rest = (
        values
        - by_user[:, np.newaxis, :]
        - by_seed[:, :, np.newaxis]
        + values.mean(axis=(1, 2))[:, np.newaxis, np.newaxis]
    )
    flat = rest.reshape(2, -1)
    # What is neither the user's nor the seed's is already in the seeds' part, and is not counted twice.
    both = flat @ flat.T / ((n_seeds - 1) * (n_users - 1)) / (n_seeds * n_users)
    return Spread(_not_negative(users - both), np.cov(by_seed) / n_seeds, n_users, n_seeds)


def _not_negative(covariances: Float64Array) -> Float64Array:
    # A difference of two estimates can have a negative variance; the nearest covariances above it have none.
    variances, axes = np.linalg.eigh(covariances)
    nearest: Float64Array = (axes * np.maximum(variances, 0.0)) @ axes.T
    return nearest


def _quadratic(covariances: Float64Array) -> float:
    return max(0.0, float(_DIFFERENCE @ covariances @ _DIFFERENCE))
