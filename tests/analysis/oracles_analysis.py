"""Slow, obvious versions of the analysis of embeddings."""

import itertools
import math
from collections.abc import Iterable

import numpy as np

from llminit.arrays import AnyArray, Float64Array


def slow_spectrum(embeddings: AnyArray, *, centred: bool = False) -> Float64Array:
    """The singular values of numpy, with zeros up to the number of columns."""
    rows = embeddings.astype(np.float64)
    rows = rows - rows.mean(axis=0) if centred else rows
    values = np.linalg.svd(rows, compute_uv=False)
    return np.append(values, np.zeros(rows.shape[1] - len(values)))


def slow_effective_rank(values: Float64Array | list[float]) -> float:
    """The exponential of the entropy, one term at a time."""
    shares = [value / sum(values) for value in values]
    return math.exp(-sum(share * math.log(share) for share in shares if share > 0))


def unit(row: AnyArray) -> Float64Array:
    """A row at length 1."""
    row = np.asarray(row, dtype=np.float64)
    length = np.linalg.norm(row)
    return row / length if length > 0 else row


def slow_alignment(users: AnyArray, items: AnyArray, pairs: Iterable[tuple[int, int]]) -> float:
    """The mean over interactions of the squared distance."""
    return float(np.mean([((unit(users[user]) - unit(items[item])) ** 2).sum() for user, item in pairs]))


def slow_uniformity(rows: AnyArray) -> float:
    """The logarithm of the mean over all pairs."""
    pairs = itertools.combinations([unit(row) for row in rows], 2)
    return math.log(np.mean([math.exp(-2 * ((a - b) ** 2).sum()) for a, b in pairs]))


def slow_anisotropy(rows: AnyArray) -> dict[str, float]:
    """All pairs of cosines, and variances from numpy's covariance."""
    rows = rows.astype(np.float64)
    cosines = [unit(a) @ unit(b) for a, b in itertools.combinations(rows, 2)]
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows.T, bias=True)))
    return {
        "mean_cosine": np.mean(cosines),
        "mean_share": (rows.mean(axis=0) ** 2).sum() / (rows**2).sum(axis=1).mean(),
        "top_share": variances[-1] / variances.sum(),
    }
