"""A backbone: BPR on LightGCN's final embeddings with a temperature that is learned."""

from typing import ClassVar

import torch
from torch import nn

from llminit.arrays import FloatArray
from llminit.graph import Adjacency
from llminit.models import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.models.losses import bpr


class TemperedConfig(GraphConfig):
    """The options of `tempered`."""

    start: float = 1.0
    """The temperature that training starts from."""


class Tempered(Backbone):
    """BPR whose margins are divided by a learned temperature."""

    name: ClassVar[str] = "tempered"
    options_type: ClassVar[type[BackboneConfig]] = TemperedConfig
    options: TemperedConfig

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        super().__init__(users, items, adjacency, options)
        self.temperature = nn.Parameter(torch.tensor(self.options.start))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return BPR of the tempered margins."""
        _, (users, positives, negatives) = self.rows(*batch)
        return bpr(users / self.temperature, positives, negatives)
