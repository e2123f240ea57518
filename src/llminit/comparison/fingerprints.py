"""Digests of data and options, and the check that results were made from the same ones."""

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from llminit.checksums import sha256_of_json
from llminit.config import CompareConfig
from llminit.errors import ConfigError
from llminit.pipeline.cold_ways import CATEGORY_POPULARITY
from llminit.results.cell import Header
from llminit.results.key import CellKey, ColdKey

GROWING = (
    "backbones",
    "inits",
    "baselines",
    "controls",
    "control_init",
    "embedding_sizes",
    "train_share",
    "max_history",
    "seeds",
    "first_seed",
    "cold_share",
    "cold_split",
    "cold_users",
)
"""Options that name cells: another call with more of them adds cells. All others must be the same in every call."""

_COLD = ("cold_share", "cold_split", "cold_users")


def fixed_options(config: CompareConfig) -> dict[str, Any]:
    """Return the options that every cell depends on, without those at their defaults.

    Defaults are left out so that an option that a later version adds does not change the fingerprints of old results.
    """
    return config.model_dump(mode="json", exclude=set(GROWING), exclude_defaults=True)


def cell_fingerprint(key: CellKey, config: CompareConfig, header: Header) -> str:
    """Return a SHA-256 of everything that a cell depends on.

    Args:
        key: The cell.
        config: The comparison's options.
        header: What all cells have in common.
    """
    text = None if key.encoder is None else header.encoders[key.encoder]["fingerprint"]
    everything = [key.model_dump(mode="json"), fixed_options(config), header.fingerprint, text]
    return sha256_of_json(everything, ensure_ascii=True)


def cold_fingerprint(key: ColdKey, config: CompareConfig, header: Header, categories: pl.Series | None) -> str:
    """Return a SHA-256 of everything that a cell about new items depends on.

    Args:
        key: The cell.
        config: The comparison's options.
        header: What all cells have in common.
        categories: The items' categories, for the one that uses them.
    """
    used = categories.to_list() if key.model == CATEGORY_POPULARITY and categories is not None else None
    return sha256_of_json([cell_fingerprint(key, config, header), "new items", used], ensure_ascii=True)


def check_same(old: Header, new: Header) -> None:
    """Check that results were made from the same data and with the same options.

    Args:
        old: The header in the folder.
        new: The header of this call.

    Raises:
        ConfigError: They differ; the message names the option or the encoder.
    """
    old_config = CompareConfig().model_dump(mode="json") | old.config
    differing = [name for name, value in new.config.items() if name not in GROWING and old_config[name] != value]
    if differing:
        shown = "; ".join(f"{name} was {old_config[name]!r} and is now {new.config[name]!r}" for name in differing)
        raise ConfigError(
            f"the results in the folder were made with other options: {shown}; use the same options, or compare into "
            "another folder"
        )
    if old.fingerprint != new.fingerprint:
        raise ConfigError(
            f"the results in the folder were made from other interactions ({_counted(old)}) than these "
            f"({_counted(new)}); use the same data, or compare into another folder"
        )
    for label in old.encoders.keys() & new.encoders.keys():
        if old.encoders[label]["fingerprint"] != new.encoders[label]["fingerprint"]:
            raise ConfigError(
                f"the results in the folder were made with other text embeddings under the label {label!r}; use the "
                "same ones, rename the new file, or compare into another folder"
            )


def merged(old: Header, new: Header) -> Header:
    """Return the header of a folder that a call extends.

    Commands, one a line, and machines are those of all calls, the oldest first. Versions are those of the last call;
    each cell has its own.
    """
    config = dict(new.config)
    for name in GROWING:
        if isinstance(config[name], list):
            config[name] = list(dict.fromkeys([*old.config[name], *new.config[name]]))
    config["backbones"] = _widest(config["backbones"])
    config["baselines"] = _most_baselines(config["baselines"])
    if config.get("cold_share") is None and config.get("cold_users") is None:
        config |= {name: old.config[name] for name in _COLD if name in old.config}
    ends = [options["first_seed"] + options["seeds"] for options in (old.config, new.config)]
    config["first_seed"] = min(old.config["first_seed"], new.config["first_seed"])
    config["seeds"] = max(ends) - config["first_seed"]
    update = {
        "config": config,
        "encoders": {**old.encoders, **new.encoders},
        "planned": list(dict.fromkeys([*old.planned, *new.planned])),
        "machine": _appended(old.machine, new.machine, "; "),
        "command": _appended(old.command, new.command, "\n"),
    }
    return new.model_copy(update=update)


def _most_baselines(names: list[str]) -> list[str]:
    """Leave out redundant names: "none" beside other names, and other names beside "all"."""
    return ["all"] if "all" in names else [name for name in names if name != "none"] or names


def _widest(backbones: Sequence[str]) -> list[str]:
    """Keep each backbone once, with its largest number of seeds: NAME has all of them, NAME:SEEDS the first ones."""
    widest: dict[str, float] = {}
    for text in backbones:
        name, _, limit = text.partition(":")
        widest[name] = max(widest.get(name, 0), int(limit) if limit else math.inf)
    return [name if limit == math.inf else f"{name}:{limit}" for name, limit in widest.items()]


def _appended(old: str, new: str, separator: str) -> str:
    """Append an entry to a list that is kept as one text, unless the list holds it already."""
    # Not by splitting: a command may hold a line break itself.
    is_known = f"{separator}{new}{separator}" in f"{separator}{old}{separator}"
    return old if is_known or not new else separator.join(filter(None, (old, new)))


def _counted(header: Header) -> str:
    return ", ".join(f"{header.data[f'n_{name}']} {name}" for name in ("users", "items", "interactions"))
