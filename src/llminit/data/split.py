"""Splits of interactions into training, validation and test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llminit.arrays import BoolArray, IntArray
from llminit.config import SplitConfig, SplitKind
from llminit.data.dataset import Dataset, Interactions
from llminit.errors import DataError

MIN_INTERACTIONS_TO_HOLD_OUT = 3
"""All interactions of a user with fewer are training ones: leave-one-out needs one for each of the three parts."""

_TRAIN, _VALID, _TEST = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint parts that together are all interactions; each is in order of user, then item code."""

    train: Interactions
    valid: Interactions
    test: Interactions


def split_interactions(dataset: Dataset, config: SplitConfig, seed: int) -> Split:
    """Divide a data set's interactions.

    - random-loo: of each user with at least 3 interactions, one at random for test and one for validation.
    - temporal-loo: the user's last for test, the one before for validation; equal times follow the caller's rows.
    - ratio: of each user's n, floor(n * test_share) at random for test and floor(n * valid_share) for validation; at
      least one stays in training.
    - global-time: the last test_share of all interactions for test, the valid_share before it for validation. Equal
      timestamps are never divided: those at a border stay on its earlier side. Validation and test may hold users and
      items that are not in training (cold ones).

    The random kinds depend on the seed and on the pairs of user and item, not on the order of the caller's rows.

    Args:
        dataset: The interactions to divide.
        config: The kind of split and its shares.
        seed: Seed of the random kinds.

    Raises:
        DataError: The kind needs timestamps and some are missing, or all are equal.
    """
    if config.kind in ("temporal-loo", "global-time"):
        _check_timestamps(dataset.interactions, config.kind)
    everything = dataset.interactions
    part = _SPLITTERS[config.kind](everything, config, np.random.default_rng(seed))
    order = np.lexsort((everything.items, everything.users))
    train, valid, test = (everything.take(order[part[order] == label]) for label in (_TRAIN, _VALID, _TEST))
    return Split(train, valid, test)


def _random_loo(interactions: Interactions, config: SplitConfig, rng: np.random.Generator) -> IntArray:  # noqa: ARG001
    rank, count = _random_ranks(interactions, rng)
    return _leave_one_out(rank, count)


def _temporal_loo(interactions: Interactions, config: SplitConfig, rng: np.random.Generator) -> IntArray:  # noqa: ARG001
    order = np.lexsort((np.asarray(interactions.timestamps), interactions.users))
    rank, count = _ranks_within_user(interactions.users, order)
    return _leave_one_out(count - 1 - rank, count)


def _ratio(interactions: Interactions, config: SplitConfig, rng: np.random.Generator) -> IntArray:
    rank, count = _random_ranks(interactions, rng)
    n_test = _share_of(count, config.test_share)
    n_valid = np.minimum(_share_of(count, config.valid_share), np.maximum(count - 1 - n_test, 0))
    return _parts(rank < n_test, rank < n_test + n_valid)


def _global_time(interactions: Interactions, config: SplitConfig, rng: np.random.Generator) -> IntArray:  # noqa: ARG001
    times = np.asarray(interactions.timestamps)
    ascending = np.sort(times)
    n_test = int(_share_of(np.int64(len(times)), config.test_share))
    n_valid = int(_share_of(np.int64(len(times)), config.valid_share))
    last_before_test = ascending[len(times) - n_test - 1]
    last_in_train = ascending[len(times) - n_test - n_valid - 1]
    if n_test and last_before_test == ascending[-1]:
        raise DataError(
            f"a global-time split finds no interaction after the first {1 - config.test_share:.0%}: the last "
            f"{(times == ascending[-1]).sum()} of {len(times)} have the same timestamp; use another kind of split"
        )
    return _parts(times > last_before_test, times > last_in_train)


_SPLITTERS: dict[SplitKind, Callable[[Interactions, SplitConfig, np.random.Generator], IntArray]] = {
    "random-loo": _random_loo,
    "temporal-loo": _temporal_loo,
    "ratio": _ratio,
    "global-time": _global_time,
}


def _share_of(count: IntArray | np.int64, share: float) -> IntArray:
    # In floating point 100 * 0.29 is 28.999999999999996, but 29 is meant.
    return np.floor(count * share + 1e-9).astype(np.int64)


def _leave_one_out(rank: IntArray, count: IntArray) -> IntArray:
    enough = count >= MIN_INTERACTIONS_TO_HOLD_OUT
    return _parts(enough & (rank == 0), enough & (rank == 1))


def _parts(test: BoolArray, valid: BoolArray) -> IntArray:
    # np.select takes the first condition that holds: what is in both masks is test.
    return np.select([test, valid], [_TEST, _VALID], _TRAIN).astype(np.int64)


def _random_ranks(interactions: Interactions, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    # Drawn in order of user and item, so that the order of the caller's rows does not matter.
    by_item = np.lexsort((interactions.items, interactions.users))
    keys = np.empty(len(interactions))
    keys[by_item] = rng.random(len(interactions))
    return _ranks_within_user(interactions.users, np.lexsort((keys, interactions.users)))


def _ranks_within_user(users: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Return each interaction's rank 0.. within its user, and the user's count; `order` keeps users together."""
    counts = np.bincount(users)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(users), dtype=np.int64)
    rank[order] = np.arange(len(users)) - starts[users[order]]
    return rank, counts[users]


def _check_timestamps(interactions: Interactions, kind: str) -> None:
    if interactions.timestamps is None:
        raise DataError(
            f"found no timestamps, but a {kind} split needs them; name their column (timestamp_column=NAME) "
            "or use another kind of split"
        )
    missing = int(np.isnan(interactions.timestamps).sum())
    if missing:
        raise DataError(
            f"{missing} of {len(interactions)} interactions have no timestamp, but a {kind} split needs all of them; "
            "map another column with timestamp_column=NAME, or use another kind of split"
        )
