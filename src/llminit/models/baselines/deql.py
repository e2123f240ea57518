"""DEQL: EDLAE in which the inputs that were not dropped count too, by a weight of their own.

Source: Guo et al., Generalizing linear autoencoder recommenders with decoupled expected quadratic loss, ICLR 2026
(arXiv 2603.07402), with the L2 penalty and without the constraint of a zero diagonal. Each input is dropped with
probability p, those that stay are divided by 1 - p to give Z, and the weights W minimise

    the mean over what is dropped of |A * (X - ZW)|^2 / s + l2 |W|^2,

where the squared error at an entry counts A^2 = 1 if that entry was dropped and c, the paper's (b / a)^2, if it stayed;
s = p + (1 - p) c is the mean of the two. The paper solves each item's system from one inverse by Miller's updates; by
blocks that is shorter. With B the weights of EDLAE and P its inverse, G = X'X, r = c / s and
t_i = G_ii / (1 - p) + l2 - 1 / P_ii, the part of G_ii that EDLAE explains,

    W_ii = r (G_ii - t_i) / (r G_ii / (1 - p) + l2 - r^2 t_i),    W_ji = (1 - r W_ii) B_ji for j other than i.

So c = 0, and for every c a zero diagonal, is EDLAE; and where seen items are not ranked, all that c changes is how much
each item's scores are worth beside another's.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.registry import BASELINES
from llminit.models.ridge import check_memory, dropout_penalty, ridge_solution, table_bytes
from llminit.models.sizes import Sizes
from llminit.models.sparse import squared_lengths


@BASELINES.register
class DEQL(Baseline):
    """EDLAE with a weight for the errors at inputs that were not dropped, which gives an item a weight to itself."""

    name: ClassVar[str] = "deql"
    relative_cost: ClassVar[float] = 6
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"dropout": (0.2, 0.5), "kept_weight": (0.25, 1.0), "l2": (30.0, 100.0, 300.0)}
    )

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """The probability p that an input is dropped."""
    kept_weight: float = Field(default=0.25, ge=0)
    """The weight c of squared errors at inputs that stayed, against 1 at those that were dropped; 0 is EDLAE."""
    l2: float = Field(default=100.0, gt=0)
    """Strength of the regulariser that all items share."""
    max_memory_gib: float = Field(default=8.0, gt=0)
    """Fitting needs 16 bytes for each pair of items; it is an error if that exceeds this many GiB."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Solve EDLAE, then find each item's weight to itself and the scale of the others'."""
        train = data.train
        check_memory("DEQL", train.shape[1], self.max_memory_gib)
        weights, inverse_diagonal = ridge_solution(train, dropout_penalty(train, self.dropout, self.l2))
        squares, kept = squared_lengths(train), 1 - self.dropout
        mean_weight = self.dropout + kept * self.kept_weight
        ratio = self.kept_weight / mean_weight if mean_weight else 0.0
        explained = squares / kept + self.l2 - 1 / inverse_diagonal
        own = ratio * (squares - explained) / (ratio * squares / kept + self.l2 - ratio**2 * explained)
        weights *= (1 - ratio * own).astype(np.float32)
        np.fill_diagonal(weights, own)
        return LinearItemModel(train, weights)

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the memory of fitting: matrices of all pairs of items."""
        return table_bytes(sizes.n_items)
