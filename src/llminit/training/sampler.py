"""Training triples: every training interaction once an epoch, each with one item that its user has not seen."""

import numpy as np

from llminit.arrays import BoolArray, IntArray
from llminit.errors import DataError


class TripleSampler:
    """Shuffles training interactions and draws uniform negatives, a whole epoch at a time."""

    def __init__(self, users: IntArray, items: IntArray, n_users: int, n_items: int) -> None:
        """Remember the training interactions.

        Args:
            users: int64 of shape (n_interactions,), user codes.
            items: int64 of shape (n_interactions,), item codes; each pair at most once.
            n_users: Number of users.
            n_items: Number of items.

        Raises:
            DataError: There is no interaction.
        """
        if not len(users):
            raise DataError(
                "there are no training interactions, expected at least one; loosen the filters or the split"
            )
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items
        self._seen_keys = np.sort(users * n_items + items)
        # A user who has seen the whole catalogue has no negative; any item is drawn instead of looping for ever.
        self._has_negative = np.bincount(users, minlength=n_users) < n_items

    def epoch(self, rng: np.random.Generator, *, negatives: bool) -> IntArray:
        """Return the rows of the embedding matrix that one epoch trains on, in its order.

        Args:
            rng: Source of the order and of the negatives.
            negatives: Whether to draw negatives.

        Returns:
            int64 of shape (3, n_interactions): users, positives and negatives; (2, n_interactions) without negatives.
        """
        order = rng.permutation(len(self.users))
        users, positives = self.users[order], self.items[order]
        parts = [users, positives + self.n_users]
        if negatives:
            parts.append(self.sample_negatives(users, rng) + self.n_users)
        return np.stack(parts)

    def sample_negatives(self, users: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw one item for each user, uniformly among those that the user has not seen in training.

        Args:
            users: int64 of shape (n,), user codes.
            rng: Source of randomness.

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
        place = np.searchsorted(self._seen_keys, keys)
        found: BoolArray = self._seen_keys[np.minimum(place, len(self._seen_keys) - 1)] == keys
        return found & self._has_negative[users]
