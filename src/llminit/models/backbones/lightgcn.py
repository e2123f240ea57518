"""LightGCN: BPR on embeddings averaged over propagation layers (arXiv 2002.02126)."""

from typing import ClassVar

from pydantic import Field

from llminit.models.backbone import BackboneConfig, GraphConfig
from llminit.models.bpr import BPRBackbone, BPRConfig
from llminit.models.registry import BACKBONES


class LightGCNConfig(GraphConfig, BPRConfig):
    """Hyper-parameters of LightGCN."""

    reg_weight: float = Field(default=1e-5, ge=0)
    """Weight of the norm of the batch's trained (layer 0) embeddings."""


@BACKBONES.register
class LightGCN(BPRBackbone):
    """Propagates over `n_layers` layers and is trained by BPR."""

    name: ClassVar[str] = "lightgcn"
    relative_cost: ClassVar[float] = 20
    options_type: ClassVar[type[BackboneConfig]] = LightGCNConfig
    options: LightGCNConfig
