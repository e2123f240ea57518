"""Parts that are passed instead of named: registered, and replaced by their names."""

from typing import Any

from llminit.models import BACKBONES, BASELINES
from llminit.registry import Registry
from llminit.selectors import SELECTORS

_REGISTRIES: dict[str, Registry[Any]] = {
    "backbone": BACKBONES,
    "backbones": BACKBONES,
    "baselines": BASELINES,
    "init": SELECTORS,
    "inits": SELECTORS,
    "control_init": SELECTORS,
    "select": SELECTORS,
}
"""The options that name parts."""


def named_parts(options: dict[str, Any]) -> dict[str, Any]:
    """Return options in which every class or function stands by its name; it is registered if it was not yet.

    Args:
        options: As a caller gives them, such as `backbone=MyBackbone` or `inits=["xavier", my_selector]`.

    Raises:
        ConfigError: A part does not keep the contract of its kind, or its name is taken.
    """
    return {name: _named(value, _REGISTRIES.get(name)) for name, value in options.items()}


def _named(value: Any, registry: Registry[Any] | None) -> Any:
    if registry is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [registry.name_of(part) if callable(part) else part for part in value]
    return registry.name_of(value) if callable(value) else value
