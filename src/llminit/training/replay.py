"""Training on what is new, with a part of what was learned before beside it, so that it is not forgotten."""

import numpy as np

from llminit.arrays import BoolArray, IntArray
from llminit.training.sampler import TripleSampler


class ReplaySampler(TripleSampler):
    """Each epoch holds all new interactions and as many old ones, drawn anew, in one random order."""

    def __init__(
        self, users: IntArray, items: IntArray, is_new: BoolArray, n_users: int, n_items: int, *, share: float = 1.0
    ) -> None:
        """Prepare the lookup of all interactions.

        Args:
            users: int64 of shape (n_interactions,), user codes.
            items: int64 of shape (n_interactions,), item codes; every pair at most once.
            is_new: bool of shape (n_interactions,).
            n_users: Number of users.
            n_items: Number of items.
            share: Old interactions in an epoch for each new one, as far as there are so many.

        Raises:
            DataError: There are no interactions.
        """
        super().__init__(users, items, n_users, n_items)
        self._new, self._old = np.flatnonzero(is_new), np.flatnonzero(~is_new)
        self.n_replayed = min(len(self._old), round(share * len(self._new)))

    def epoch(self, rng: np.random.Generator, *, negatives: bool) -> IntArray:
        """Return the triples of one epoch; see `TripleSampler.epoch`."""
        replayed = rng.choice(self._old, self.n_replayed, replace=False)
        order = rng.permutation(np.concatenate([self._new, replayed]))
        return self.triples(order, rng, negatives=negatives)
