"""Popularity: every user gets the items that most users have."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.baselines.base import checked_train
from llminit.config import Config


class Popularity(Config):
    """Scores an item by its number of training interactions."""

    name: ClassVar[str] = "popularity"

    def fit(self, train: csr_array) -> "PopularityScores":
        """Count the interactions of each item.

        Args:
            train: float32 of shape (n_users, n_items), non-zero where a user has an item in the training data.

        Raises:
            InputError: The matrix is not sparse, is empty, or holds NaN or infinite values.
        """
        matrix = checked_train(train)
        return PopularityScores(np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32))


@dataclass(frozen=True)
class PopularityScores:
    """The same scores for everybody.

    Attributes:
        counts: float32 of shape (n_items,).
    """

    counts: FloatArray

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        return np.tile(self.counts, (len(users), 1))
