"""SGL: LightGCN with a contrastive task between two randomly thinned views of the graph (arXiv 2010.10783)."""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from llminit.backbones.base import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.backbones.losses import bpr_sum, embedding_norm, info_nce
from llminit.graph import make_view, propagate


class SGLConfig(GraphConfig):
    """Hyper-parameters of SGL."""

    reg_weight: float = Field(default=1e-5, ge=0)
    """Weight of the norm of the batch's trained (layer 0) embeddings."""
    ssl_weight: float = Field(default=0.05, ge=0)
    """Weight of the contrastive task."""
    ssl_tau: float = Field(default=0.2, gt=0)
    """Temperature of the contrastive task."""
    drop_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the graph that a view drops."""
    augmentation: Literal["edge-drop", "node-drop", "random-walk"] = "edge-drop"
    """How a view is thinned."""


class SGL(Backbone):
    """BPR on the whole graph, and InfoNCE of each batch row against all rows between two views."""

    name: ClassVar[str] = "sgl"
    options_type: ClassVar[type[BackboneConfig]] = SGLConfig
    options: SGLConfig

    def start_epoch(self, rng: np.random.Generator) -> None:
        """Draw the two views that the epoch's batches share."""
        options = self.options
        self.views = tuple(
            make_view(self.adjacency, options.augmentation, options.drop_ratio, options.n_layers, rng) for _ in range(2)
        )

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the BPR sum, the weighted norm of the trained rows and the weighted contrastive sum."""
        norm = embedding_norm(*self.trained_rows(*batch))
        recommendation = bpr_sum(*self.final_rows(*batch))
        return recommendation + self.options.reg_weight * norm + self.options.ssl_weight * self._contrast(batch)

    def _contrast(self, batch: Batch) -> torch.Tensor:
        first, second = (propagate(self.embeddings, view) for view in self.views)
        tau = self.options.ssl_tau
        users = info_nce(first[batch.users], second[batch.users], second[: self.n_users], tau)
        items = info_nce(first[batch.positives], second[batch.positives], second[self.n_users :], tau)
        return users + items
