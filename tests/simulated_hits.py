"""Simulated hits of methods whose true differences are known."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from llminit.arrays import Float64Array


def simulated_hits(
    rng: np.random.Generator,
    n_methods: int,
    n_seeds: int,
    n_users: int,
    *,
    user_sd: float = 0.0,
    seed_sd: float = 0.0,
    shifts: Sequence[float] | None = None,
    rate: float = 0.12,
) -> Float64Array:
    """Draw hits, float64 of shape (n_methods, n_seeds, n_users), at about `rate`.

    A method hits where a latent score is low enough. The score has a part that all methods share (how hard this user's
    test item is), one of its own, one for each pair of method and user (`user_sd`) and one for each pair of method and
    seed (`seed_sd`). Without `shifts` all methods have the same distribution, so none is better than another.
    """
    shape = (n_methods, n_seeds, n_users)
    latent = 0.8 * rng.standard_normal((1, n_seeds, n_users)) + 0.6 * rng.standard_normal(shape)
    latent += user_sd * rng.standard_normal((n_methods, 1, n_users)) + seed_sd * rng.standard_normal(
        (n_methods, n_seeds, 1)
    )
    if shifts is not None:
        latent -= np.asarray(shifts)[:, np.newaxis, np.newaxis]
    spread = np.sqrt(1 + user_sd**2 + seed_sd**2)
    hits: Float64Array = (latent < spread * stats.norm.ppf(rate)).astype(np.float64)
    return hits
