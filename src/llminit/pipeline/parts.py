"""Parts that are passed instead of named, and where another process finds them."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from llminit.models import BACKBONES, BASELINES
from llminit.models.baseline import Baseline
from llminit.registry import Registry
from llminit.selectors import SELECTORS

PART_OPTIONS: dict[str, Registry[Any]] = {
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
    return {name: _named(value, _registry(name, value)) for name, value in options.items()}


def _registry(option: str, value: Any) -> Registry[Any] | None:
    # Any model can be fitted, a baseline too.
    is_other_model = option == "backbone" and isinstance(value, type) and issubclass(value, Baseline)
    return BASELINES if is_other_model else PART_OPTIONS.get(option)


def _named(value: Any, registry: Registry[Any] | None) -> Any:
    if registry is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [registry.name_of(part) if callable(part) else part for part in value]
    return registry.name_of(value) if callable(value) else value


def foreign_parts(names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parts that another process does not find by itself, each as its option and MODULE:NAME.

    Args:
        names: Options and the names that they have, such as ("backbones", "lightgcn").

    Raises:
        ConfigError: There is no part of that name.
    """
    pairs = ((option, PART_OPTIONS[option].foreign_source(name)) for option, name in names)
    return [(option, source) for option, source in dict.fromkeys(pairs) if source is not None]


def is_importable(option: str, source: str) -> bool:
    """Return whether another process can import a part: it is at the top of a module that has a name of its own."""
    module, _, name = source.partition(":")
    if module == "__main__":
        return False
    try:
        return PART_OPTIONS[option].describe(getattr(import_module(module), name)).source == source
    except (ImportError, AttributeError):
        return False


def import_parts(parts: Iterable[tuple[str, str]]) -> None:
    """Import and register parts that `foreign_parts` has named in another process."""
    for option, source in parts:
        module, _, name = source.partition(":")
        PART_OPTIONS[option].name_of(getattr(import_module(module), name))
