"""Backbones: collaborative-filtering models that start from initial embeddings.

Every module of this package that defines a `Backbone` with a name is found by itself; nothing else lists it.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeGuard

from llminit.backbones.base import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.errors import ConfigError

__all__ = ["Backbone", "BackboneConfig", "Batch", "GraphConfig", "backbone_class", "backbone_names"]


@cache
def _registry() -> dict[str, type[Backbone]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    # Not Backbone.__subclasses__(): whether a subclass elsewhere appears would depend on when it was defined.
    defined = [value for module in modules for value in vars(module).values() if _is_named_backbone(value)]
    return {found.name: found for found in sorted(defined, key=lambda found: found.name)}


def _is_named_backbone(value: object) -> TypeGuard[type[Backbone]]:
    return isinstance(value, type) and issubclass(value, Backbone) and "name" in vars(value)


def backbone_names() -> list[str]:
    """Return the names of all backbones."""
    return list(_registry())


def backbone_class(name: str) -> type[Backbone]:
    """Return the backbone of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in _registry():
        raise ConfigError(f"unknown backbone {name!r}; choose one of: {', '.join(_registry())}")
    return _registry()[name]
