"""SGL: LightGCN with a contrastive task between two randomly thinned views of the graph (arXiv 2010.10783)."""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from llminit.graph import gather, make_view, propagate
from llminit.models.backbone import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.models.info_nce import Blocks, MatmulDtype, info_nce
from llminit.models.losses import bpr_sum, embedding_norm
from llminit.models.registry import BACKBONES


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
    matmul_dtype: MatmulDtype = "float32"
    """Of the contrastive task's matrix products: float32, or bfloat16 (three digits, faster where supported)."""
    similarity_memory: int = Field(default=256, ge=0)
    """MiB of similarities that the forward pass may keep for the backward pass; the rest is recomputed."""


@BACKBONES.register
class SGL(Backbone):
    """BPR on the whole graph, plus InfoNCE between two views of each row of the batch against all rows."""

    name: ClassVar[str] = "sgl"
    relative_cost: ClassVar[float] = 60
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
        trained, final = self.rows(*batch)
        return bpr_sum(*final) + self.options.reg_weight * embedding_norm(*trained) + self._contrast(batch)

    def _contrast(self, batch: Batch) -> torch.Tensor:
        """Return the weighted InfoNCE of the batch's users among all users and of its items among all items."""
        options = self.options
        rows = torch.cat([batch.users, batch.positives])
        second = propagate(self.embeddings, self.views[1])
        sizes = [(len(batch.users), self.n_users), (len(batch.positives), self.adjacency.n_items)]
        blocks = Blocks(memory=options.similarity_memory * 2**20, dtype=options.matmul_dtype)
        return info_nce(
            self._first_view(rows), second, rows, options.ssl_tau, sizes=sizes, weight=options.ssl_weight, blocks=blocks
        )

    def _first_view(self, rows: torch.Tensor) -> torch.Tensor:
        """Return rows of the first view; the loss uses no other row of it."""
        view = self.views[0]
        if len(set(view)) == 1:
            (_, (final,)) = gather(self.embeddings, view[0], len(view), (rows,))
            return final
        return propagate(self.embeddings, view).index_select(0, rows)
