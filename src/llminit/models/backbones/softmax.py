"""Matrix factorisation by sampled softmax, without a graph while it trains; one hop over the graph when it serves.

Training is the in-batch sampled softmax over cosines (arXiv 2201.02327), which costs the same however large the graph
is. Serving propagates the trained rows over the graph (test-time aggregation: TAG-CF, arXiv 2404.08660; LightGODE,
arXiv 2407.18910), once, after training.
"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field

from llminit.arrays import FloatArray
from llminit.compiled.history import CompiledHistory
from llminit.compiled.softmax import CompiledSoftmax
from llminit.graph import Adjacency
from llminit.models.backbone import BackboneConfig, Batch
from llminit.models.hops import HopBackbone, HopConfig
from llminit.models.losses import sampled_softmax
from llminit.models.registry import BACKBONES


class SoftmaxConfig(HopConfig):
    """Hyper-parameters of softmax."""

    temperature: float = Field(default=0.15, gt=0)
    """What cosines are divided by in the loss."""
    sampled_negatives: bool = False
    """Beside the items of the batch, draw one item for each pair as a negative of all pairs."""
    log_q: float = Field(default=0.0, ge=0)
    """Weight of the correction for drawing negatives by popularity; 1 is the exact one, 0 none."""


@BACKBONES.register
class Softmax(HopBackbone):
    """User and item rows of length 1, trained by in-batch sampled softmax and propagated when they serve."""

    name: ClassVar[str] = "softmax"
    relative_cost: ClassVar[float] = 1
    options_type: ClassVar[type[BackboneConfig]] = SoftmaxConfig
    uses_negatives: ClassVar[bool] = False
    options: SoftmaxConfig

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        super().__init__(users, items, adjacency, options)
        self.uses_negatives = self.options.sampled_negatives  # type: ignore[misc]
        self._offsets = torch.from_numpy(_log_popularity(adjacency) * np.float32(self.options.log_q))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the mean cross-entropy of each user's own item among the batch's items.

        The gradient of the table is sparse: a step changes the rows of its batch and no others.
        """
        columns = torch.cat([batch.positives, batch.negatives])
        users, rows = (F.embedding(part, self.embeddings, sparse=True) for part in (batch.users, columns))
        offsets = self._offsets.to(columns.device)[columns] if self.options.log_q else None
        return sampled_softmax(users, rows, columns, self.options.temperature, offsets)

    def compiled_loss(self) -> CompiledSoftmax | CompiledHistory | None:
        """Return the sampled softmax, which has a compiled step."""
        offsets = self._offsets.numpy() if self.options.log_q else np.empty(0, dtype=np.float32)
        return CompiledSoftmax(self.options.temperature, offsets)


def _log_popularity(adjacency: Adjacency) -> FloatArray:
    """Return the log of each item's share of the interactions, float32 of shape (n_nodes,); 0 for users."""
    users, items = adjacency.edges
    counts = np.bincount(items, minlength=adjacency.n_items)
    shares = np.log(np.maximum(counts, 1) / max(len(users), 1))
    return np.concatenate([np.zeros(adjacency.n_users), shares]).astype(np.float32)
