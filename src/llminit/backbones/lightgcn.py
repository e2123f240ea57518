"""LightGCN: embeddings averaged over propagation layers (arXiv 2002.02126)."""

from typing import ClassVar

import torch
from pydantic import Field

from llminit.backbones.base import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.backbones.losses import bpr, embedding_norm


class LightGCNConfig(GraphConfig):
    """Hyper-parameters of LightGCN."""

    reg_weight: float = Field(default=1e-5, ge=0)
    """Weight of the norm of the batch's trained (layer 0) embeddings."""


class LightGCN(Backbone):
    """BPR on propagated embeddings."""

    name: ClassVar[str] = "lightgcn"
    options_type: ClassVar[type[BackboneConfig]] = LightGCNConfig
    options: LightGCNConfig

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return BPR of the final embeddings plus the weighted norm of the trained ones."""
        trained, final = self.rows(*batch)
        return bpr(*final) + self.options.reg_weight * embedding_norm(*trained)
