"""What training, the hops' weights and a mixture's weights are chosen by: a metric of the validation interactions."""

from collections.abc import Callable

import numpy as np

from llminit.arrays import IntArray
from llminit.config import FitConfig
from llminit.data import HeldOut
from llminit.evaluation import Scorer, mean_metric, ranks_under

_STREAM = 2
"""Keeps the draw of users apart from other randomness of the same seed."""


def validation_metric(held_out: HeldOut, config: FitConfig) -> Callable[[Scorer], float]:
    """Return the function that measures a scorer on the validation interactions.

    Full ranking costs users times items, which grows with the square of the data. Of more than `valid_users` users with
    validation interactions, as many are drawn once, and all measurements are about the same ones.

    Args:
        held_out: The data.
        config: The metric, the protocol, and how many users are measured.
    """
    users = validation_users(held_out, config)

    def measure(scorer: Scorer) -> float:
        ranks = ranks_under(config.valid_protocol, scorer, held_out.valid, held_out.seen_at_valid, users=users)
        return mean_metric(ranks, config.valid_metric)

    return measure


def validation_users(held_out: HeldOut, config: FitConfig) -> IntArray | None:
    """Return the codes of the users who are measured, int64 of shape (m,); None where these are all."""
    return None if config.valid_users is None else _drawn(held_out, config.valid_users, config.seed)


def _drawn(held_out: HeldOut, n_users: int, seed: int) -> IntArray:
    measurable = np.flatnonzero(np.diff(held_out.valid.indptr)).astype(np.int64)
    if len(measurable) <= n_users:
        return measurable
    rng = np.random.default_rng([seed, _STREAM])
    return np.sort(rng.choice(measurable, n_users, replace=False))
