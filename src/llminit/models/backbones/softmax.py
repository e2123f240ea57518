"""Matrix factorisation by sampled softmax, without a graph while it trains; one hop over the graph when it serves.

Training is the in-batch sampled softmax over cosines (arXiv 2201.02327), or a relative of it, which costs the same
however large the graph is. Serving propagates the trained rows over the graph (test-time aggregation: TAG-CF, arXiv
2404.08660; LightGODE, arXiv 2407.18910), once, after training. With `n_layers` the graph is in training too, as
LightGCN has it: that costs what LightGCN costs, and is there to be compared with.
"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field

from llminit.compiled.history import CompiledHistory
from llminit.compiled.softmax import CompiledSoftmax
from llminit.graph import propagate
from llminit.models.backbone import BackboneConfig, Batch
from llminit.models.registry import BACKBONES
from llminit.models.sampled_softmax import BatchRows, SampledSoftmax, dots
from llminit.models.softmax_options import LossConfig


class SoftmaxConfig(LossConfig):
    """Hyper-parameters of softmax."""

    n_layers: int = Field(default=0, ge=0)
    """Propagation layers in training, averaged as in LightGCN; 0 trains without the graph."""


@BACKBONES.register
class Softmax(SampledSoftmax):
    """User and item rows of length 1, trained by in-batch sampled softmax and propagated when they serve."""

    name: ClassVar[str] = "softmax"
    relative_cost: ClassVar[float] = 1
    options_type: ClassVar[type[BackboneConfig]] = SoftmaxConfig
    options: SoftmaxConfig

    def batch_rows(self, batch: Batch, columns: torch.Tensor) -> BatchRows:
        """Return the users' and the items' rows, propagated where the options say so.

        Without layers the gradient of the table is sparse: a step changes the rows of its batch and no others.
        """
        nodes = torch.cat([batch.users, columns])
        if self.options.n_layers:
            (trained,), (rows,) = self.rows(nodes)
        else:
            trained = rows = F.embedding(nodes, self.embeddings, sparse=True)
        return BatchRows(rows[: len(batch.users)], rows[len(batch.users) :], trained, nodes)

    def own_cosines(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the cosines of the training pairs; see the base class."""
        pairs = (torch.from_numpy(codes).to(users.device) for codes in self.adjacency.edges)
        return dots(users, items, *pairs)

    def compiled_loss(self) -> CompiledSoftmax | CompiledHistory | None:
        """Return the compiled step of the loss; there is none with the graph in training."""
        if self.options.n_layers or not self.options.has_compiled_step:
            return None
        offsets = self._offsets.numpy() if self.options.log_q else np.empty(0, dtype=np.float32)
        return CompiledSoftmax(self.options.temperature, offsets, self.reweighting())

    def trained_units(self) -> torch.Tensor:
        """Return the rows that training compares, at length 1: float32 of shape (n_nodes, d)."""
        return F.normalize(propagate(self.embeddings.detach(), self.layers))

    def watched_hops(self) -> tuple[float, ...]:
        """Return no hop where the graph is in training already, and else what all such backbones watch."""
        return () if self.options.n_layers else super().watched_hops()
