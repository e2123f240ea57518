"""Popularity: every user gets the items with the most interactions."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.models.baseline import Baseline, BaselineInput
from llminit.models.registry import BASELINES
from llminit.models.serving import ItemModel, ServingModel
from llminit.models.sparse import degrees


@BASELINES.register
class Popularity(Baseline):
    """Scores an item by its number of training interactions."""

    name: ClassVar[str] = "popularity"
    relative_cost: ClassVar[float] = 0

    def learn(self, data: BaselineInput) -> "PopularityScores":
        """Count each item's interactions."""
        return PopularityScores(degrees(data.train)[1].astype(np.float32))


@dataclass(frozen=True)
class PopularityScores:
    """The same scores for every user.

    Attributes:
        counts: float32 of shape (n_items,).
    """

    counts: FloatArray

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        return np.tile(self.counts, (len(users), 1))

    def serving(self) -> ServingModel:
        """Return the counts, for every history."""
        return ItemModel([], self.counts)
