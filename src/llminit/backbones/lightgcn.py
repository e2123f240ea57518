"""LightGCN: BPR on embeddings averaged over propagation layers (arXiv 2002.02126)."""

from typing import ClassVar

from pydantic import Field

from llminit.backbones.base import BackboneConfig, GraphConfig
from llminit.backbones.bpr import BPRBackbone, BPRConfig


class LightGCNConfig(GraphConfig, BPRConfig):
    """Hyper-parameters of LightGCN."""

    reg_weight: float = Field(default=1e-5, ge=0)
    """Weight of the norm of the batch's trained (layer 0) embeddings."""


class LightGCN(BPRBackbone):
    """Final embeddings are propagated, because the options count layers; the loss is BPR."""

    name: ClassVar[str] = "lightgcn"
    options_type: ClassVar[type[BackboneConfig]] = LightGCNConfig
    options: LightGCNConfig
