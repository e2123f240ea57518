"""Slow, obvious versions of the tests over users and seeds."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from llminit.arrays import Float64Array


def slow_holm(p_values: Sequence[float]) -> list[float]:
    """Go through the p-values from the smallest, multiplying by how many are left."""
    corrected, largest = [math.nan] * len(p_values), 0.0
    left = sorted(range(len(p_values)), key=lambda i: p_values[i])
    while left:
        largest = max(largest, min(1.0, p_values[left[0]] * len(left)))
        corrected[left.pop(0)] = largest
    return corrected


def slow_sign_flip_p(differences: Sequence[float]) -> float:
    """Try every choice of signs."""
    observed = abs(sum(differences))
    flipped = product(*((each, -each) for each in differences))
    sums = [abs(sum(each)) for each in flipped]
    return sum(each >= observed - 1e-9 for each in sums) / len(sums)


def slow_parts(values: Float64Array, reference: Float64Array) -> tuple[float, float]:
    """Two-way analysis of variance of the differences, cell by cell: the users' and the seeds' part of the variance."""
    d = np.asarray(values) - np.asarray(reference)
    n_seeds, n_users = d.shape
    grand = d.mean()
    user_square = sum((d[:, u].mean() - grand) ** 2 for u in range(n_users)) * n_seeds / (n_users - 1)
    seed_square = sum((d[s].mean() - grand) ** 2 for s in range(n_seeds)) * n_users / (n_seeds - 1)
    rest = sum(
        (d[s, u] - d[:, u].mean() - d[s].mean() + grand) ** 2 for s in range(n_seeds) for u in range(n_users)
    ) / ((n_seeds - 1) * (n_users - 1))
    n = n_seeds * n_users
    return (user_square - rest) / n, seed_square / n
