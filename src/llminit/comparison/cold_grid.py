"""The cells about new items and users: methods of the grid that are trained once more without some."""

from collections.abc import Sequence

import polars as pl

from llminit.comparison.grid import needs_text
from llminit.config import CompareConfig
from llminit.errors import ConfigError
from llminit.pipeline.cold_ways import CATEGORY_POPULARITY, TEXT_KNN
from llminit.results.key import CellKey, ColdKey

LEARN_NOTHING = (TEXT_KNN, CATEGORY_POPULARITY)
"""Ways to rank new items that are measured beside the methods of every grid, as they take no time."""


def check_cold(config: CompareConfig) -> None:
    """Check that new items can find a place in what is compared.

    Raises:
        ConfigError: They cannot: nothing that is compared uses text.
    """
    if config.cold_share is not None and not needs_text(config):
        raise ConfigError(
            f"cold_share={config.cold_share} needs something that uses the items' text, expected to find new items a "
            "place; compare an init of text, such as whiten, or a baseline of text, such as l3ae, or leave it out"
        )


def cold_cells(config: CompareConfig, keys: Sequence[CellKey], categories: pl.Series | None) -> list[ColdKey]:
    """Return the cells about new items and users, in the order of the grid's.

    Of new items those are measured that use text, of new users all; neither controls nor less training data.

    Args:
        config: The options.
        keys: The cells of the grid.
        categories: The items' categories; None without any.
    """
    if config.cold_share is None and config.cold_users is None:
        return []
    whole = [key for key in keys if key.kind != "control" and not key.sparsity]
    found = [key for key in whole if key.encoder is not None or config.cold_users is not None]
    seeds = dict.fromkeys(key.seed for key in whole)
    encoders = dict.fromkeys(key.encoder for key in whole if key.encoder is not None)
    simple = [
        *(CellKey(model=TEXT_KNN, encoder=encoder, seed=seed) for seed in seeds for encoder in encoders),
        *(CellKey(model=CATEGORY_POPULARITY, seed=seed) for seed in seeds if categories is not None),
    ]
    return [_cold(key, config) for key in [*(simple if config.cold_share is not None else []), *found]]


def _cold(key: CellKey, config: CompareConfig) -> ColdKey:
    held_out = {name: getattr(config, name) for name in ("cold_share", "cold_split", "cold_users")}
    # Which items are held out says nothing where none are.
    held_out |= {} if config.cold_share is not None else {"cold_split": "random"}
    return ColdKey(**key.model_dump(), **held_out)
