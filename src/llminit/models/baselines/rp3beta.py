"""RP3-beta: random walks of three steps over the user-item graph, with a penalty on popular items.

Sources: Paudel et al., Updatable, accurate, diverse, and scalable recommendations for interactive applications, ACM
TiiS 7(1), 2017; the neighbours and the normalised rows are those of Ferrari Dacrema et al., Are we really making much
progress?, RecSys 2019 (arXiv 1907.06902).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, diags_array, vstack

from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.registry import BASELINES
from llminit.models.sparse import degrees, entries, nearest, ones, power, product_blocks


@BASELINES.register
class RP3Beta(Baseline):
    """Scores by walks from the user to their items, to other users of those items, and to those users' items."""

    name: ClassVar[str] = "rp3beta"
    relative_cost: ClassVar[float] = 3
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"alpha": (0.2, 0.35, 0.5), "beta": (0.0, 0.1, 0.2, 0.4)}
    )

    alpha: float = Field(default=0.5, ge=0)
    """Power of each step's probability; above 1, steps from nodes with few interactions count more."""
    beta: float = Field(default=0.2, ge=0)
    """Power of the popularity that a score is divided by; 0 is P3-alpha, which favours popular items."""
    k: int = Field(default=200, ge=1)
    """Number of items that each item keeps a weight for."""
    normalize: bool = False
    """Scale each item's weights so that they add up to 1."""

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Find w(i, j) = sum over users u of (1 / d_i)^alpha (1 / d_u)^alpha / d_j^beta, d being degrees.

        Every interaction counts as 1, whatever its value.
        """
        by_user, by_item = degrees(data.train)
        interactions = ones(data.train)
        to_users = csr_array(diags_array(power(by_item, -self.alpha)) @ interactions.T)
        to_items = csr_array(
            diags_array(power(by_user, -self.alpha)) @ interactions @ diags_array(power(by_item, -self.beta))
        )
        walks = product_blocks(to_users, to_items)
        weights = vstack(
            [nearest(*entries(part, block.start), part.shape, self.k) for block, part in walks], format="csr"
        )
        return LinearItemModel(data.train, _normalized_rows(weights) if self.normalize else csr_array(weights))


def _normalized_rows(weights: csr_array) -> csr_array:
    sums = np.asarray(weights.sum(axis=1)).ravel()
    return csr_array(diags_array(1 / np.where(sums > 0, sums, 1).astype(np.float32)) @ weights)
