"""Matrix factorisation trained by Bayesian personalised ranking (BPR-MF, arXiv 1205.2618)."""

from typing import ClassVar

import torch
from pydantic import Field

from llminit.backbones.base import Backbone, BackboneConfig, Batch
from llminit.backbones.losses import bpr, embedding_norm


class MatrixFactorizationConfig(BackboneConfig):
    """Hyper-parameters of BPR-MF."""

    reg_weight: float = Field(default=0.0, ge=0)
    """Weight of the norm of the batch's embeddings."""


class MatrixFactorization(Backbone):
    """Users and items are their embeddings; nothing is propagated."""

    name: ClassVar[str] = "mf"
    options_type: ClassVar[type[BackboneConfig]] = MatrixFactorizationConfig
    options: MatrixFactorizationConfig

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return BPR plus the weighted norm of the batch's embeddings."""
        rows, _ = self.rows(*batch)
        loss = bpr(*rows)
        return loss + self.options.reg_weight * embedding_norm(*rows) if self.options.reg_weight else loss
