"""The base class of backbones that are trained by BPR only; their steps can run in compiled code."""

from abc import ABC
from typing import ClassVar

import torch
from pydantic import Field

from llminit.compiled.steps import BPR, CompiledLoss
from llminit.models.backbone import Backbone, BackboneConfig, Batch
from llminit.models.losses import bpr, embedding_norm


class BPRConfig(BackboneConfig):
    """The hyper-parameters of a backbone that is trained by BPR."""

    reg_weight: float = Field(default=0.0, ge=0)
    """Weight of the norm of the batch's trained (layer 0) embeddings."""


class BPRBackbone(Backbone, ABC):
    """A backbone whose loss is BPR on its final embeddings plus the weighted norm of the trained ones."""

    options_type: ClassVar[type[BackboneConfig]] = BPRConfig
    options: BPRConfig

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return BPR of the final embeddings plus the weighted norm of the trained ones."""
        trained, final = self.rows(*batch)
        loss = bpr(*final)
        return loss + self.options.reg_weight * embedding_norm(*trained) if self.options.reg_weight else loss

    def compiled_loss(self) -> CompiledLoss | None:
        """Return BPR, which has a compiled step."""
        return CompiledLoss(BPR, self.options.reg_weight)
