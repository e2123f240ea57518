"""EDLAE: EASE trained with random dropout of the inputs, which penalises items with many interactions more.

Source: Steck, Autoencoders that don't overfit towards the identity, NeurIPS 2020, of full rank and with the zero
diagonal. The expectation over the dropped inputs has a closed form, so nothing is random here.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.registry import BASELINES
from llminit.models.ridge import check_memory, dropout_penalty, ridge_weights, table_bytes
from llminit.models.sizes import Sizes


@BASELINES.register
class EDLAE(Baseline):
    """EASE with the penalty l2 + p / (1 - p) * diag(X'X): items with more interactions have a larger penalty."""

    name: ClassVar[str] = "edlae"
    relative_cost: ClassVar[float] = 6
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"dropout": (0.2, 0.5, 0.8), "l2": (30.0, 100.0, 300.0, 1000.0)}
    )

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """The probability p that an input is dropped; 0 is EASE."""
    l2: float = Field(default=100.0, gt=0)
    """Strength of the regulariser that all items share."""
    max_memory_gib: float = Field(default=8.0, gt=0)
    """Fitting needs 16 bytes for each pair of items; it is an error if that exceeds this many GiB."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Solve one ridge regression for each item, with a penalty that grows with an item's interactions."""
        train = data.train
        check_memory("EDLAE", train.shape[1], self.max_memory_gib)
        return LinearItemModel(train, ridge_weights(train, dropout_penalty(train, self.dropout, self.l2)))

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the memory of fitting: matrices of all pairs of items."""
        return table_bytes(sizes.n_items)
