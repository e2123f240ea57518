"""Backbones: collaborative-filtering models that start from initial embeddings.

Every module of this package that defines a `Backbone` with a name is found by itself; nothing else lists it.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from llminit.backbones.base import Backbone, BackboneConfig, Batch, GraphConfig
from llminit.errors import ConfigError

__all__ = ["Backbone", "BackboneConfig", "Batch", "GraphConfig", "backbone_class", "backbone_names"]


@cache
def _registry() -> dict[str, type[Backbone]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    # Only what these modules define: a subclass elsewhere must not appear or not by when it was imported.
    defined = [value for module in modules for value in vars(module).values() if _is_backbone(value, module.__name__)]
    return {found.name: found for found in sorted(defined, key=lambda found: found.name)}


def _is_backbone(value: object, module: str) -> bool:
    return (
        isinstance(value, type) and issubclass(value, Backbone) and value.__module__ == module and "name" in vars(value)
    )


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
