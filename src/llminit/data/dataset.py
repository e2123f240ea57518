"""Interactions as codes, and the data set that all stages use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy import sparse

from llminit import ids as id_values
from llminit.arrays import AnyArray, IntArray
from llminit.config import FilterConfig
from llminit.data.filter import apply_filters
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError
from llminit.frames import as_texts

TITLE_COLUMNS = ("title", "name", "movie_title")
CATEGORY_COLUMNS = ("categories", "category", "genres", "genre")


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interactions as parallel arrays, one element per interaction."""

    users: IntArray
    """User codes, int64 of shape (n,)."""
    items: IntArray
    """Item codes, int64 of shape (n,)."""
    timestamps: AnyArray | None = None
    """Numbers that order a user's interactions, of shape (n,): int64, or float64 with NaN where missing."""

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: ArrayLike) -> "Interactions":
        """Return the interactions at `index`: positions, whose order is kept, or a mask of shape (n,)."""
        chosen = np.asarray(index)
        # numpy makes an empty list float64, which cannot index.
        chosen = chosen if chosen.size else chosen.astype(np.int64)
        timestamps = None if self.timestamps is None else self.timestamps[chosen]
        return Interactions(self.users[chosen], self.items[chosen], timestamps)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Filtered interactions with their vocabularies and the item table.

    Interactions are sorted by user code, then timestamp (missing ones last), then the order of the caller's rows.
    """

    users: Vocabulary
    items: Vocabulary
    interactions: Interactions
    item_table: pl.DataFrame | None = None
    """One row per item, in code order: `item_id` and the caller's columns, null for items without a row."""

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def n_interactions(self) -> int:
        """Number of interactions."""
        return len(self.interactions)

    def served_columns(self) -> pl.DataFrame | None:
        """Return what of the item table a recommender keeps: plain columns, and the title under that name."""
        return None if self.item_table is None else served_columns(self.item_table)

    def item_titles(self) -> pl.Series | None:
        """Return each item's title in code order, String of shape (n_items,), or None without a column of titles.

        Lists are joined; a column that people cannot read, such as one of bytes, holds no titles.
        """
        return None if self.item_table is None else titles_of(self.item_table)

    def item_categories(self) -> pl.Series | None:
        """Return each item's categories as one text, String of shape (n_items,), or None without a column of them."""
        return None if self.item_table is None else _first_texts(self.item_table, CATEGORY_COLUMNS)


def served_columns(item_table: pl.DataFrame) -> pl.DataFrame:
    """Return what of an item table a recommender keeps: plain columns, and the title under that name."""
    table = pl.DataFrame([column for column in item_table.get_columns() if as_texts(column.clear()) is not None])
    titles = titles_of(item_table)
    return table if titles is None else table.with_columns(titles.alias("title"))


def titles_of(item_table: pl.DataFrame) -> pl.Series | None:
    """Return the titles of an item table, String of shape (n_items,); see `Dataset.item_titles`."""
    titles = _first_texts(item_table, TITLE_COLUMNS)
    return None if titles is None else titles.rename("title")


def _first_texts(item_table: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return the first of some columns that holds what people can read, as text."""
    columns = (as_texts(item_table[name]) for name in names if name in item_table.columns)
    return next((column for column in columns if column is not None), None)


def make_dataset(
    interactions: pl.DataFrame, items: pl.DataFrame | None = None, filters: FilterConfig | None = None
) -> Dataset:
    """Filter interactions and assign codes to users and items.

    Args:
        interactions: As `read_interactions` returns them: `user_id`, `item_id` and perhaps `rating` and `timestamp`.
        items: As `read_items` returns them: unique `item_id` and any other columns. Items without an interaction
            are left out.
        filters: The filters; by default only repeated interactions are removed.

    Raises:
        DataError: Nothing is left, a filter needs a column that is absent, or the tables have no item in common.
    """
    kept = apply_filters(interactions, filters or FilterConfig())
    users = Vocabulary.from_ids(kept["user_id"], "user")
    known_items = Vocabulary.from_ids(kept["item_id"], "item")
    coded = Interactions(users.codes(kept["user_id"]), known_items.codes(kept["item_id"]), _timestamps(kept))
    table = None if items is None else _aligned(items, known_items)
    return Dataset(users, known_items, coded.take(_time_order(coded)), table)


def with_items(dataset: Dataset, items: pl.DataFrame) -> Dataset:
    """Return a data set with the rows of an item table, as `read_items` returns it.

    Raises:
        DataError: The table has none of its items.
    """
    return replace(dataset, item_table=_aligned(items, dataset.items))


def to_csr(interactions: Interactions, n_users: int, n_items: int) -> sparse.csr_array:
    """Return interactions as ones: float32 CSR of shape (n_users, n_items), with ascending item codes in every row."""
    ones = np.ones(len(interactions), dtype=np.float32)
    coordinates = (interactions.users, interactions.items)
    matrix = sparse.coo_array((ones, coordinates), shape=(n_users, n_items)).tocsr()
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def order_of(interactions: Interactions, n_users: int, n_items: int) -> sparse.csr_array:
    """Return the place of each interaction among those of its user, in time.

    Args:
        interactions: Distinct ones; those of one time, or without one, are in the order of the caller's rows.
        n_users: Number of users.
        n_items: Number of items.

    Returns:
        int32 CSR of shape (n_users, n_items) with the entries of `to_csr`: 1 for a user's first interaction, 2 for the
        next.
    """
    order = _time_order(interactions)
    users, items = interactions.users[order], interactions.items[order]
    counts = np.bincount(users, minlength=n_users)
    places = np.arange(1, len(users) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
    return sparse.coo_array((places.astype(np.int32), (users, items)), shape=(n_users, n_items)).tocsr()


def _timestamps(interactions: pl.DataFrame) -> AnyArray | None:
    if "timestamp" not in interactions.columns:
        return None
    column = interactions["timestamp"]
    return column.cast(pl.Float64).to_numpy() if column.null_count() else column.to_numpy()


def _time_order(interactions: Interactions) -> IntArray:
    # lexsort keeps the order of equal keys and puts NaN, a missing timestamp, last.
    keys = (interactions.users,) if interactions.timestamps is None else (interactions.timestamps, interactions.users)
    return np.lexsort(keys)


def _aligned(items: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    rows = items.with_columns(id_values.converted(items["item_id"], vocabulary.ids.dtype)).drop_nulls("item_id")
    known = pl.DataFrame({"item_id": vocabulary.ids})
    if known.join(rows, on="item_id", how="semi").is_empty():
        raise DataError(
            f"no item id of the interactions is in the item table: the interactions have ids such as "
            f"{id_values.examples(vocabulary.ids)}, the item table has {id_values.examples(items['item_id'])}; "
            "name the right id column of each table, or write the ids in the same way in both"
        )
    return known.join(rows, on="item_id", how="left", maintain_order="left")
