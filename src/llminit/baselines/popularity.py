"""Popularity: every user gets the items that most users have."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.baselines.base import Baseline, BaselineInput
from llminit.baselines.sparse import degrees


class Popularity(Baseline):
    """Scores an item by its number of training interactions."""

    name: ClassVar[str] = "popularity"

    def _learn(self, given: BaselineInput) -> "PopularityScores":
        return PopularityScores(degrees(given.train)[1].astype(np.float32))


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
