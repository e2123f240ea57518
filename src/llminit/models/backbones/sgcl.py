"""SGCL: supervised graph contrastive learning, without negatives (arXiv 2507.13336)."""

from typing import ClassVar

import torch
from pydantic import Field

from llminit.compiled.steps import SUPERVISED_CONTRASTIVE, CompiledLoss
from llminit.models.backbone import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.models.losses import supervised_contrastive
from llminit.models.registry import BACKBONES


class SGCLConfig(GraphConfig):
    """Hyper-parameters of SGCL."""

    temperature: float = Field(default=0.2, gt=0)
    """Temperature of the contrastive loss."""


@BACKBONES.register
class SGCL(Backbone):
    """A supervised contrastive loss on the final embeddings of the batch's users and items."""

    name: ClassVar[str] = "sgcl"
    relative_cost: ClassVar[float] = 30
    options_type: ClassVar[type[BackboneConfig]] = SGCLConfig
    options: SGCLConfig
    uses_negatives: ClassVar[bool] = False

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the supervised contrastive sum over the batch."""
        _, (users, items) = self.rows(batch.users, batch.positives)
        return supervised_contrastive(users, items, self.options.temperature)

    def compiled_loss(self) -> CompiledLoss | None:
        """Return the supervised contrastive loss, which has a compiled step."""
        return CompiledLoss(SUPERVISED_CONTRASTIVE, self.options.temperature)
