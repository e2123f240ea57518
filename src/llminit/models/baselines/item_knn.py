"""Item-kNN: items are recommended to users who have similar items, by the cosine of the items' users.

Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, vstack

from llminit.arrays import AnyArray
from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.registry import BASELINES
from llminit.models.sparse import co_occurrence_blocks, entries, nearest, squared_lengths


@BASELINES.register
class ItemKNN(Baseline):
    """Scores an item by its similarity to those of the user's items that are among its nearest neighbours."""

    name: ClassVar[str] = "item-knn"
    relative_cost: ClassVar[float] = 2
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"k": (20, 50, 100, 300), "shrink": (0.0, 10.0, 50.0)}
    )

    k: int = Field(default=100, ge=1)
    """Number of neighbours of each item."""
    shrink: float = Field(default=50.0, ge=0)
    """Added to the cosine's denominator, so that similarities from few interactions count less."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Find each item's neighbours: sim(i, j) = x_i . x_j / (|x_i| |x_j| + shrink), x_i being column i."""
        norms = np.sqrt(squared_lengths(data.train))
        blocks = [self._neighbours(block.start, dots, norms) for block, dots in co_occurrence_blocks(data.train)]
        # Row i holds the neighbours of item i, which add to the score of item i: the weights are the transpose.
        return LinearItemModel(data.train, csr_array(vstack(blocks, format="csr").T))

    def _neighbours(self, first: int, dots: csr_array, norms: AnyArray) -> csr_array:
        rows, columns, values = entries(dots, first)
        similarities = values / (norms[rows + first] * norms[columns] + self.shrink)
        return nearest(rows, columns, similarities, dots.shape, self.k)
