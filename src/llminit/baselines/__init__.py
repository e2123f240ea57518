"""Baselines: models that start from no embedding and that every gain should be compared with."""

from types import MappingProxyType
from typing import Any

from llminit.baselines.base import Baseline, FittedBaseline, LinearItemModel
from llminit.baselines.ease import EASE
from llminit.baselines.item_knn import ItemKNN
from llminit.baselines.popularity import Popularity
from llminit.errors import ConfigError

__all__ = [
    "BASELINES",
    "EASE",
    "Baseline",
    "FittedBaseline",
    "ItemKNN",
    "LinearItemModel",
    "Popularity",
    "make_baseline",
]

BASELINES: MappingProxyType[str, type[Baseline]] = MappingProxyType(
    {baseline.name: baseline for baseline in (Popularity, ItemKNN, EASE)}
)
"""Every baseline by its name."""


def make_baseline(name: str, **options: Any) -> Baseline:
    """Build a baseline from its name and options.

    Raises:
        ConfigError: The name or an option is unknown, or an option's value cannot be used.
    """
    if name not in BASELINES:
        raise ConfigError(f"unknown baseline {name!r}; expected one of {', '.join(BASELINES)}; choose one of these")
    return BASELINES[name].make(**options)
