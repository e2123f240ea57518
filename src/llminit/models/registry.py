"""The registered models: backbones and baselines by their names."""

from llminit.models.backbone import Backbone, describe_backbone
from llminit.models.baseline import Baseline, describe_baseline
from llminit.registry import Registry

BACKBONES: Registry[type[Backbone]] = Registry("backbone", "llminit.models.backbones", describe_backbone)
"""Models that start from initial embeddings."""

BASELINES: Registry[type[Baseline]] = Registry("baseline", "llminit.models.baselines", describe_baseline)
"""Models that are fitted without gradients."""


def is_baseline(name: str) -> bool:
    """Return whether a name is that of a baseline; one that both kinds have is a backbone's."""
    return name not in BACKBONES and name in BASELINES
