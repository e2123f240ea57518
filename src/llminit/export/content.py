"""What is exported of a recommender: ids, embeddings in one of the two forms, what is known of items and users."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, FloatArray
from llminit.errors import ConfigError
from llminit.export.forms import cosine_form
from llminit.recommender import Recommender

DOT, COSINE = "dot", "cosine"
FORMS = (DOT, COSINE)

EMBEDDING = "embedding"

_ODD_TYPES = ("Binary", "Null", "Object", "128")
"""Parts of the names of column types that some target has no place for."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a target writes. Rows are in the order of the recommender's codes, less the items that are in no list.

    Attributes:
        user_ids: Column `user_id`.
        item_ids: Column `item_id`.
        users: float32 of shape (n_users, width).
        items: float32 of shape (n_items, width).
        seen: float32 CSR of shape (n_users, n_items), ones for what a user has.
        item_columns: The other columns of the item table, or no columns.
        form: "dot" or "cosine": by which search the embeddings rank items as the model does.
        longest: Only in the form "cosine": the length that all items have there.
        is_trained: Whether interactions have changed the embeddings; None where that is not known.
    """

    user_ids: pl.Series
    item_ids: pl.Series
    users: FloatArray
    items: FloatArray
    seen: csr_array
    item_columns: pl.DataFrame
    form: str = DOT
    longest: float | None = None
    is_trained: bool | None = None

    @property
    def width(self) -> int:
        """The number of columns of the embeddings."""
        return int(self.items.shape[1])

    def user_table(self) -> pl.DataFrame:
        """Return the columns `user_id` and `embedding`."""
        return pl.DataFrame([self.user_ids, pl.Series(EMBEDDING, self.users)])

    def item_table(self) -> pl.DataFrame:
        """Return the columns `item_id`, those of the item table, and `embedding`."""
        return pl.DataFrame([self.item_ids, *self.item_columns, pl.Series(EMBEDDING, self.items)])


def content_of(recommender: Recommender, form: str) -> Content:
    """Return what is exported of a recommender: all users, and the items that it would recommend.

    Raises:
        ConfigError: The model has no embeddings, or there is no item.
    """
    users = _rows(recommender.user_embeddings())
    items = _rows(recommender.item_embeddings())
    shown = np.ones(len(items), dtype=np.bool_) if recommender.unavailable is None else ~recommender.unavailable
    if not shown.any():
        raise ConfigError(
            f"all {len(items)} items of this recommender were removed, expected some; add items, or fit again"
        )
    items, longest = items[shown], None
    if form == COSINE:
        users, items, longest = cosine_form(users, items)
    best_epoch = recommender.report.get("best_epoch")
    return Content(
        user_ids=recommender.users.ids.alias("user_id"),
        item_ids=recommender.items.ids.filter(shown).alias("item_id"),
        users=users,
        items=items,
        seen=csr_array(recommender.seen[:, np.flatnonzero(shown)]),
        item_columns=_columns(recommender.item_table, shown),
        form=form,
        longest=longest,
        is_trained=None if best_epoch is None else best_epoch > 0,
    )


def _rows(table: pl.DataFrame) -> FloatArray:
    return np.ascontiguousarray(table[EMBEDDING].to_numpy(), dtype=np.float32)


def _columns(table: pl.DataFrame | None, shown: BoolArray) -> pl.DataFrame:
    """Return the item table's columns but the id, those that would hide the embedding, and those of odd types."""
    if table is None:
        return pl.DataFrame()
    others = {name: str(dtype) for name, dtype in table.schema.items() if name not in ("item_id", EMBEDDING)}
    names = [name for name, dtype in others.items() if not any(odd in dtype for odd in _ODD_TYPES)]
    return table.filter(shown).select(names)
