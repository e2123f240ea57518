"""Training triples: every training interaction once per epoch, with one item that the user has not seen."""

from functools import cached_property

import numpy as np

from llminit.arrays import BoolArray, IntArray
from llminit.errors import DataError


class TripleSampler:
    """Shuffles training interactions and draws uniform negatives, a whole epoch at a time."""

    def __init__(self, users: IntArray, items: IntArray, n_users: int, n_items: int) -> None:
        """Keep the training interactions.

        Args:
            users: int64 of shape (n_interactions,), user codes.
            items: int64 of shape (n_interactions,), item codes; every pair at most once.
            n_users: Number of users.
            n_items: Number of items.

        Raises:
            DataError: There are no interactions.
        """
        if not len(users):
            raise DataError(
                "there are no training interactions, expected at least one; loosen the filters or the split"
            )
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items

    @cached_property
    def _seen_keys(self) -> IntArray:
        """The training interactions as sorted numbers; made only where negatives are drawn."""
        return np.sort(self.users * self.n_items + self.items)

    @cached_property
    def _has_negative(self) -> BoolArray:
        """Whether a user has one: who has seen the whole catalogue gets any item, to avoid an endless loop."""
        has_negative: BoolArray = np.bincount(self.users, minlength=self.n_users) < self.n_items
        return has_negative

    def epoch(self, rng: np.random.Generator, *, negatives: bool) -> IntArray:
        """Return the triples of one epoch, as rows of the embedding matrix.

        Args:
            rng: Generator of the order and of the negatives.
            negatives: Whether to draw negatives.

        Returns:
            int64 of shape (3, n_interactions): users, positives and negatives; (2, n_interactions) without negatives.
        """
        return self.triples(rng.permutation(len(self.users)), rng, negatives=negatives)

    def triples(self, order: IntArray, rng: np.random.Generator, *, negatives: bool) -> IntArray:
        """Return the triples of some interactions, as rows of the embedding matrix.

        Args:
            order: int64 of shape (n,), which interactions, in their order.
            rng: Generator of the negatives.
            negatives: Whether to draw negatives.

        Returns:
            int64 of shape (3, n): users, positives and negatives; (2, n) without negatives.
        """
        triples = np.empty((3 if negatives else 2, len(order)), dtype=np.int64)
        np.take(self.users, order, out=triples[0], mode="clip")
        np.take(self.items, order, out=triples[1], mode="clip")
        if negatives:
            triples[2] = self.sample_negatives(triples[0], rng)
        triples[1:] += self.n_users
        return triples

    def sample_negatives(self, users: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw one item per user, uniformly among those that the user has not seen in training.

        Args:
            users: int64 of shape (n,), user codes.
            rng: Random generator.

        Returns:
            int64 of shape (n,), item codes.
        """
        items = rng.integers(0, self.n_items, size=len(users))
        pending = np.flatnonzero(self._is_seen(users, items))
        while len(pending):
            items[pending] = rng.integers(0, self.n_items, size=len(pending))
            pending = pending[self._is_seen(users[pending], items[pending])]
        return items

    def _is_seen(self, users: IntArray, items: IntArray) -> BoolArray:
        keys = users * self.n_items + items
        positions = np.searchsorted(self._seen_keys, keys)
        is_seen: BoolArray = self._seen_keys[np.minimum(positions, len(self._seen_keys) - 1)] == keys
        return is_seen & self._has_negative[users]
