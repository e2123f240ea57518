"""The models: backbones, which start from initial embeddings, and baselines, which do not.

A new one is one file in `backbones/` or `baselines/`, or one class in a package of its own, registered with
`BACKBONES.register` or `BASELINES.register`.
"""

from llminit.models.backbone import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.models.baseline import Baseline, BaselineInput, FittedBaseline, LinearItemModel
from llminit.models.registry import BACKBONES, BASELINES, is_baseline
from llminit.models.sizes import Sizes

__all__ = [
    "BACKBONES",
    "BASELINES",
    "Backbone",
    "BackboneConfig",
    "Baseline",
    "BaselineInput",
    "Batch",
    "FittedBaseline",
    "GraphConfig",
    "LinearItemModel",
    "Sizes",
    "is_baseline",
]
