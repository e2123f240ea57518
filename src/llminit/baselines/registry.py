"""Every baseline by its name."""

from types import MappingProxyType
from typing import Any

from llminit.baselines.base import Baseline
from llminit.baselines.ease import EASE
from llminit.baselines.edlae import EDLAE
from llminit.baselines.gf_cf import GFCF
from llminit.baselines.item_knn import ItemKNN
from llminit.baselines.popularity import Popularity
from llminit.baselines.rp3beta import RP3Beta
from llminit.baselines.text_only import TextOnly
from llminit.errors import ConfigError

BASELINES: MappingProxyType[str, type[Baseline]] = MappingProxyType(
    {baseline.name: baseline for baseline in (Popularity, ItemKNN, EASE, EDLAE, RP3Beta, GFCF, TextOnly)}
)
"""Every baseline by its name."""


def baseline_class(name: str) -> type[Baseline]:
    """Return the baseline of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in BASELINES:
        raise ConfigError(f"unknown baseline {name!r}; expected one of {', '.join(BASELINES)}; choose one of these")
    return BASELINES[name]


def make_baseline(name: str, **options: Any) -> Baseline:
    """Build a baseline from its name and options.

    Raises:
        ConfigError: The name or an option is unknown, or an option's value cannot be used.
    """
    return baseline_class(name).make(**options)
