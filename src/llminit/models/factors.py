"""A fitted baseline that is a pair of tables: scores are dot products of a user's and an item's row."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.models.baseline import popular_without_history
from llminit.models.serving import DotProduct, ServingModel
from llminit.models.sparse import degrees

_POPULARITY_SHARE = 1e-4
"""The largest entry of the column of popularity, relative to the length of an item's row."""


@dataclass(frozen=True)
class FactorModel:
    """Scores by the dot product of two rows; users without a training item get popularity scores.

    Attributes:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        train: float32 CSR of shape (n_users, n_items).
    """

    users: FloatArray
    items: FloatArray
    train: csr_array

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        scores: FloatArray = self.users[users] @ self.items.T
        return popular_without_history(scores, users, self.train)

    def serving(self) -> ServingModel:
        """Return both tables; where users have no history, with a column of popularity, which they look at alone."""
        without = (np.diff(self.train.indptr) == 0)[:, np.newaxis]
        if not without.any():
            return DotProduct(self.users, self.items)
        counts = degrees(self.train)[1].astype(np.float32)[:, np.newaxis]
        # So small that like items still have like rows: a user's entry makes up for it.
        length = float(np.sqrt(np.square(self.items, dtype=np.float64).sum(axis=1).mean()))
        scale = np.float32(_POPULARITY_SHARE * (length or 1.0) / counts.max())
        users = np.hstack([np.where(without, np.float32(0), self.users), without / scale])
        return DotProduct(users.astype(np.float32), np.hstack([self.items, counts * scale]))
