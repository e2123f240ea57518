"""Items and users that the measured training never sees, so that what is served to newcomers can be measured."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from llminit.arrays import BoolArray, Float64Array
from llminit.config import FitConfig
from llminit.data import Dataset
from llminit.data.dataset import Interactions
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError
from llminit.text import TextEmbeddings

_ITEMS_STREAM, _USERS_STREAM = 3, 4
"""Keep these draws apart from other randomness of the same seed."""


@dataclass(frozen=True, eq=False)
class ColdSplit:
    """A data set without its cold items and users, and the interactions of these; or a whole one.

    Attributes:
        warm: The data set to learn from: all users, the warm items, and the warm users' interactions with these.
        is_warm: bool of shape (n_items,), which items of the whole data set it has; their order is the same.
        cold_ids: The ids of the other items.
        of_items: The warm users' interactions with cold items; their item codes count the cold items alone.
        of_users: The cold users' interactions with warm items; their item codes are those of `warm`.
    """

    warm: Dataset
    is_warm: BoolArray
    cold_ids: pl.Series
    of_items: Interactions
    of_users: Interactions

    @property
    def n_cold_items(self) -> int:
        """Number of cold items."""
        return len(self.cold_ids)

    def warm_text(self, text: TextEmbeddings) -> TextEmbeddings:
        """Return the text embeddings of the warm items, of those of all items."""
        if not self.n_cold_items:
            return text
        return TextEmbeddings(self.warm.items.ids, text.values[self.is_warm], text.missing[self.is_warm])


def split_cold(dataset: Dataset, config: FitConfig) -> ColdSplit:
    """Hold items and users out, as many as `cold_share` and `cold_users` say; without them, none.

    Args:
        dataset: The whole data set.
        config: The shares, the kind of split and the seed.

    Raises:
        DataError: Nothing is left to learn from, or nothing is held out; or the kind of split needs timestamps.
    """
    everything = dataset.interactions
    if config.cold_share is None and config.cold_users is None:
        nothing = everything.take([])
        return ColdSplit(dataset, np.ones(dataset.n_items, dtype=np.bool_), dataset.items.ids[:0], nothing, nothing)
    is_warm = ~_cold_items(dataset, config)
    new_user = _cold_users(dataset, config)[everything.users]
    with_warm = is_warm[everything.items]
    codes = np.where(is_warm, np.cumsum(is_warm), np.cumsum(~is_warm)) - 1
    coded = Interactions(everything.users, codes[everything.items], everything.timestamps)
    kept = np.flatnonzero(with_warm & ~new_user)
    if not len(kept):
        raise DataError(
            f"cold_share={config.cold_share} and cold_users={config.cold_users} leave none of {len(everything)} "
            "interactions to learn from, expected some; lower them"
        )
    rows = np.flatnonzero(is_warm)
    items = Vocabulary(dataset.items.ids.gather(rows), "item")
    table = None if dataset.item_table is None else dataset.item_table[rows]
    return ColdSplit(
        Dataset(dataset.users, items, coded.take(kept), table),
        is_warm,
        dataset.items.ids.gather(np.flatnonzero(~is_warm)),
        coded.take(np.flatnonzero(~with_warm & ~new_user)),
        coded.take(np.flatnonzero(with_warm & new_user)),
    )


def _cold_items(dataset: Dataset, config: FitConfig) -> BoolArray:
    cold = np.zeros(dataset.n_items, dtype=np.bool_)
    if config.cold_share is None:
        return cold
    count = _count("cold_share", config.cold_share, dataset.n_items, "items")
    if config.cold_split == "random":
        rng = np.random.default_rng([config.seed, _ITEMS_STREAM])
        cold[rng.choice(dataset.n_items, count, replace=False)] = True
    else:
        cold[np.argsort(_first_times(dataset), kind="stable")[-count:]] = True
    return cold


def _first_times(dataset: Dataset) -> Float64Array:
    """Return when each item appeared first."""
    interactions = dataset.interactions
    if interactions.timestamps is None or np.isnan(np.asarray(interactions.timestamps, dtype=np.float64)).any():
        found = "no timestamps" if interactions.timestamps is None else "interactions without a timestamp"
        raise DataError(
            f"found {found}, but cold_split='time' needs one for each interaction; name their column "
            "(timestamp_column=NAME), or use cold_split='random'"
        )
    first = np.full(dataset.n_items, np.inf)
    np.minimum.at(first, interactions.items, interactions.timestamps)
    return first


def _cold_users(dataset: Dataset, config: FitConfig) -> BoolArray:
    cold = np.zeros(dataset.n_users, dtype=np.bool_)
    if config.cold_users is None:
        return cold
    count = _count("cold_users", config.cold_users, dataset.n_users, "users")
    rng = np.random.default_rng([config.seed, _USERS_STREAM])
    cold[rng.choice(dataset.n_users, count, replace=False)] = True
    return cold


def _count(option: str, share: float, n_all: int, kind: str) -> int:
    count = round(share * n_all)
    if not 1 <= count < n_all:
        raise DataError(
            f"{option}={share} holds out {count} of {n_all} {kind}, expected at least one, and one that is left; "
            "change it"
        )
    return count
