"""Means and covariances in one pass over rows, by parts that can be computed anywhere and merged in any order.

Two parts of n and m rows, with means a and b, have together the mean a + (b - a) m / (n + m), and a scatter (the sum of
products of deviations) that is the sum of theirs and (b - a)(b - a)' n m / (n + m): Chan, Golub & LeVeque, "Updating
formulae and a pairwise algorithm for computing sample variances" (1979). All in float64, and merged in pairs; of many
float32 rows the products are float32 within runs of 512 rows, whose rounding the many runs average out.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
from threadpoolctl import threadpool_limits

from llminit.arrays import Float64Array, FloatArray
from llminit.mapped import row_blocks
from llminit.worker_processes import n_cores

_PANEL = 96
"""Columns of a panel."""

_RUN = 512
"""Rows whose products are summed in float32."""

_MANY = 8 * _RUN
"""From so many float32 rows on, products are summed in float32 within runs: the sums keep 1e-7 of their scale."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter of some rows.

    Attributes:
        count: Number of rows.
        mean: float64 of shape (D,).
        scatter: float64 of shape (D, D), the sum of the products of deviations from the mean.
    """

    count: int
    mean: Float64Array
    scatter: Float64Array

    @classmethod
    def of(cls, rows: FloatArray) -> "Moments":
        """Return the moments of rows, of shape (n, D) with at least one row."""
        if rows.dtype == np.float32 and len(rows) >= _MANY:
            return cls._of_many(rows)
        deviations = np.asarray(rows, dtype=np.float64)
        mean = deviations.mean(axis=0)
        return cls(len(rows), mean, _products_of_columns(deviations - mean))

    @classmethod
    def _of_many(cls, rows: FloatArray) -> "Moments":
        near = rows[:_RUN].mean(axis=0, dtype=np.float64).astype(np.float32)
        total, products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1], rows.shape[1]))
        ones = np.ones(_RUN, dtype=np.float32)
        for start in range(0, len(rows), _RUN):
            deviations = rows[start : start + _RUN] - near
            total += ones[: len(deviations)] @ deviations
            products += deviations.T @ deviations
        shift = total / len(rows)
        return cls(len(rows), near + shift, products - len(rows) * np.outer(shift, shift))

    def merged(self, other: "Moments") -> "Moments":
        """Return the moments of both parts' rows together."""
        count = self.count + other.count
        shift = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(shift, shift) * (self.count * other.count / count)
        return Moments(count, self.mean + shift * (other.count / count), scatter)

    @property
    def covariance(self) -> Float64Array:
        """Covariance, divided by the count: float64 of shape (D, D)."""
        return self.scatter / self.count

    def variances(self, ddof: int = 0) -> Float64Array:
        """Return each column's variance, float64 of shape (D,)."""
        return np.diagonal(self.scatter) / (self.count - ddof)

    @property
    def row_norm(self) -> float:
        """The root mean squared length of a row."""
        return float(np.sqrt(np.trace(self.scatter) / self.count + np.square(self.mean).sum()))


def moments_of(values: FloatArray) -> Moments:
    """Return the moments of all rows in one pass that holds few of them; the array may be mapped from disk."""
    # The blocks' sums do not depend on the threads, and are merged in the blocks' order.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_cores()) as pool:
        return merged(pool.map(lambda numbered: Moments.of(numbered[1]), row_blocks(values)))


def products_of(rows: FloatArray) -> Float64Array:
    """Return rows' rows, float64 of shape (D, D): float32 within runs of 512 rows, which their many sums even out."""
    products = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _RUN):
        run = rows[start : start + _RUN]
        products += run.T @ run
    return products


def _products_of_columns(values: Float64Array) -> Float64Array:
    """Return values' values, of shape (D, D): of two equal halves one is computed, in panels that suit BLAS."""
    width = values.shape[1]
    result = np.empty((width, width))
    for start in range(0, width, _PANEL):
        stop = min(start + _PANEL, width)
        result[start:stop, start:] = values[:, start:stop].T @ values[:, start:]
        result[start:, start:stop] = result[start:stop, start:].T
    return result


def merged(parts: Iterable[Moments]) -> Moments:
    """Merge parts in pairs of about equally many rows, as they come; there must be at least one."""
    waiting: list[Moments] = []
    for part in parts:
        waiting.append(part)
        while len(waiting) > 1 and waiting[-2].count <= waiting[-1].count:
            last = waiting.pop()
            waiting.append(waiting.pop().merged(last))
    return reduce(lambda last, before: before.merged(last), reversed(waiting))


def mean_fourth_power(values: FloatArray, mean: Float64Array) -> float:
    """Return the mean of the fourth power of the rows' distances from the mean, in a pass of its own."""
    total = sum(
        float(np.square(np.square(np.asarray(block, dtype=np.float64) - mean).sum(axis=1)).sum())
        for _, block in row_blocks(values)
    )
    return total / len(values)
