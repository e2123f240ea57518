"""SGCL: supervised graph contrastive learning, without negatives (arXiv 2507.13336)."""

from typing import ClassVar

import torch
from pydantic import Field

from llminit.backbones.base import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.backbones.losses import supervised_contrastive


class SGCLConfig(GraphConfig):
    """Hyper-parameters of SGCL."""

    temperature: float = Field(default=0.2, gt=0)
    """Temperature of the contrastive loss."""


class SGCL(Backbone):
    """A supervised contrastive loss on the final embeddings of the batch's users and items."""

    name: ClassVar[str] = "sgcl"
    options_type: ClassVar[type[BackboneConfig]] = SGCLConfig
    options: SGCLConfig
    uses_negatives: ClassVar[bool] = False

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the supervised contrastive sum over the batch."""
        _, (users, items) = self.rows(batch.users, batch.positives)
        return supervised_contrastive(users, items, self.options.temperature)
