"""The models: backbones, which start from initial embeddings, and baselines, which do not.

A new one is one file in `backbones/` or `baselines/`, or one class in a package of its own, registered with
`BACKBONES.register` or `BASELINES.register`.

Names are loaded when first used: what only serves a model (`llminit.models.serving`) needs neither torch nor numba,
which take longer to load than everything else together.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llminit.models.backbone import Backbone, BackboneConfig, Batch, GraphConfig
    from llminit.models.baseline import Baseline, BaselineInput, FittedBaseline, LinearItemModel
    from llminit.models.registry import BACKBONES, BASELINES, is_baseline
    from llminit.models.sizes import Sizes

_MODULES = {
    "BACKBONES": "registry",
    "BASELINES": "registry",
    "Backbone": "backbone",
    "BackboneConfig": "backbone",
    "Baseline": "baseline",
    "BaselineInput": "baseline",
    "Batch": "backbone",
    "FittedBaseline": "baseline",
    "GraphConfig": "backbone",
    "LinearItemModel": "baseline",
    "Sizes": "sizes",
    "is_baseline": "registry",
}

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


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"llminit.models.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'llminit.models' has no attribute {name!r}")
