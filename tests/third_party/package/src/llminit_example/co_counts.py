"""A baseline: an item is worth as much as its users share with the user's items."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, diags_array

from llminit.models import Baseline, BaselineInput, LinearItemModel


class CoCounts(Baseline):
    """Scores by how many users have both items, over a power of how many have the other one."""

    name: ClassVar[str] = "co-counts"
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType({"power": (0.0, 0.5, 1.0)})

    power: float = Field(default=0.5, ge=0)
    """Power of the other item's count."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Count."""
        counts = data.train.T @ data.train
        scale = np.maximum(counts.diagonal(), 1.0) ** -self.power
        return LinearItemModel(data.train, csr_array(counts @ diags_array(scale)).astype(np.float32))
