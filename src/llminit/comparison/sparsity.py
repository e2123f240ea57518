"""Training data with interactions dropped, to measure how much an initialisation helps on sparse data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from llminit.arrays import IntArray
from llminit.data import Dataset, HeldOut, Split
from llminit.data.dataset import Interactions

_STREAM = 1  # The split draws from the seed alone.


@dataclass(frozen=True, eq=False)
class ThinnedHeldOut(HeldOut):
    """A split data set whose models see only a part of the training interactions.

    The interactions that were dropped are still removed from the rankings of the `standard` protocol: they are neither
    known to the model nor wrong answers, and so the candidates are the same however much is dropped.
    """

    dropped: Interactions

    @cached_property
    def seen_at_valid(self) -> sp.csr_array:
        """All training interactions, the dropped ones included."""
        return (self.train + self._matrix(self.dropped)).tocsr()

    @cached_property
    def seen_at_test(self) -> sp.csr_array:
        """All training and validation interactions, the dropped ones included."""
        return (self.seen_at_valid + self.valid).tocsr()


def thinned(dataset: Dataset, split: Split, share: float, max_history: int | None, seed: int) -> HeldOut:
    """Drop training interactions at random; validation and test stay as they are.

    One random order is used for every share and history, so of two training sets of a seed the smaller is a subset of
    the larger.

    Args:
        dataset: The data set.
        split: Its split.
        share: The share of the training interactions to keep, of all users together; at least one is kept.
        max_history: The most of those that a user keeps; None keeps all.
        seed: Seed of the random order.
    """
    if share == 1 and max_history is None:
        return HeldOut(dataset, split)
    order = np.random.default_rng([seed, _STREAM]).permutation(len(split.train))
    kept = order[: max(1, int(np.floor(share * len(order) + 1e-9)))]
    if max_history is not None:
        kept = kept[_position_within_user(split.train.users[kept]) < max_history]
    is_kept = np.zeros(len(order), dtype=np.bool_)
    is_kept[kept] = True
    rest = Split(split.train.take(is_kept), split.valid, split.test)
    return ThinnedHeldOut(dataset, rest, split.train.take(~is_kept))


def _position_within_user(users: IntArray) -> IntArray:
    """Return how many elements of the same user come before each element, int64 of shape (n,)."""
    order = np.argsort(users, kind="stable")
    counts = np.bincount(users)
    position = np.empty(len(users), dtype=np.int64)
    position[order] = np.arange(len(users)) - (np.cumsum(counts) - counts)[users[order]]
    return position
