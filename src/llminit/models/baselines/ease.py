"""EASE: the linear item-to-item model with a zero diagonal that has a closed form.

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019 (arXiv 1905.03375).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.registry import BASELINES
from llminit.models.ridge import check_memory, ridge_weights, table_bytes
from llminit.models.sizes import Sizes


@BASELINES.register
class EASE(Baseline):
    """Scores by weights that predict each item from all the others by ridge regression; dense in the items."""

    name: ClassVar[str] = "ease"
    relative_cost: ClassVar[float] = 5
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType({"l2": (10.0, 30.0, 100.0, 300.0, 1000.0)})

    l2: float = Field(default=100.0, gt=0)
    """Strength of the regulariser; sparser data needs more of it for each interaction."""
    max_memory_gib: float = Field(default=8.0, gt=0)
    """Fitting needs 16 bytes for each pair of items; it is an error if that exceeds this many GiB."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Solve one ridge regression for each item."""
        n_items = data.train.shape[1]
        check_memory("EASE", n_items, self.max_memory_gib)
        return LinearItemModel(data.train, ridge_weights(data.train, np.full(n_items, self.l2)))

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the memory of fitting: matrices of all pairs of items."""
        return table_bytes(sizes.n_items)
