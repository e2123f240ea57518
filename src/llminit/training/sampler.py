"""Training triples: every training interaction once per epoch, with one item that the user has not seen."""

import numpy as np

from llminit.arrays import BoolArray, IntArray
from llminit.errors import DataError


class TripleSampler:
    """Shuffles training interactions and draws uniform negatives, a whole epoch at a time."""

    def __init__(self, users: IntArray, items: IntArray, n_users: int, n_items: int) -> None:
        """Prepare the lookup of training interactions.

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
        self._seen_keys = np.sort(users * n_items + items)
        # A user who has seen the whole catalogue has no negatives; any item is drawn, to avoid an endless loop.
        self._has_negative = np.bincount(users, minlength=n_users) < n_items

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
        users, positives = self.users[order], self.items[order]
        parts = [users, positives + self.n_users]
        if negatives:
            parts.append(self.sample_negatives(users, rng) + self.n_users)
        return np.stack(parts)

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
