"""What comes before a refresh: new items and interactions, and the items that are cold no longer."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import polars as pl

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.config import ColumnNames, DataConfig
from llminit.data import read_interactions, read_items
from llminit.data.vocabulary import Vocabulary
from llminit.progress import SILENT, Reporter
from llminit.recommender.editing import add_items, own_ids, with_items
from llminit.recommender.new_interactions import Grown, add_interactions, rated
from llminit.recommender.state import State

Known = TypeVar("Known", bound=State)


@dataclass(frozen=True)
class Newcomers:
    """What came.

    Attributes:
        interactions: See `Grown`.
        n_items: Items that are new.
        n_items_without_text: Those of them of which no text is known.
    """

    interactions: Grown
    n_items: int
    n_items_without_text: int


def with_newcomers(
    recommender: Known,
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    reporter: Reporter = SILENT,
) -> tuple[Known, Newcomers]:
    """Return the recommender with new items and interactions, folded in.

    Args:
        recommender: What is known.
        interactions: A path or a table, with the column names of the fit.
        items: A path or a table of items; those that are known from training keep what was learned of them.
        embeddings: Text embeddings of the new items.
        encoder: The encoder of the fit, opened.
        reporter: Receives progress and notes.

    Raises:
        InputError: A table cannot be used.
    """
    n_before, untold = len(recommender.items), None
    names = _column_names(recommender)
    table = read_interactions(interactions, names)
    if items is not None:
        listed_items = own_ids(read_items(items, names), recommender.items)
        new = listed_items.filter(
            pl.Series(_can_be_added(recommender, recommender.items.codes(listed_items["item_id"])))
        )
        if len(new) and recommender.text is not None:
            recommender, _ = add_items(recommender, new, embeddings=embeddings, encoder=encoder, reporter=reporter)
        elif len(new):
            untold = new
    recommender, n_without = _with_untold(recommender, rated(table, recommender), untold)
    if n_without:
        reporter.note(f"{n_without} items of the interactions are new and no text of theirs is known")
    recommender, grown = add_interactions(recommender, table, reporter=reporter)
    return recommender, Newcomers(grown, len(recommender.items) - n_before, n_without)


def warmed(recommender: Known) -> tuple[Known, FloatArray]:
    """Return the recommender in which cold items that somebody has are behind the warm ones, as warm as they are.

    Its model is still that of the items in their former order, and is to be learned again.

    Returns:
        The recommender, and the text embeddings of the items that are warm now, float32 of shape (n, D).
    """
    texts = recommender.folded_texts
    if texts is None:
        return recommender, np.zeros((0, 0), dtype=np.float32)
    n_warm = recommender.n_warm
    is_had = np.bincount(recommender.seen.indices, minlength=len(recommender.items))[n_warm:] > 0
    order = np.concatenate([np.arange(n_warm), n_warm + np.flatnonzero(is_had), n_warm + np.flatnonzero(~is_had)])
    pending, table, removed = recommender.pending, recommender.item_table, recommender.removed
    changed = replace(
        recommender,
        items=Vocabulary(recommender.items.ids.gather(order), "item"),
        seen=recommender.seen[:, order].sorted_indices(),
        pending=None if pending is None else pending[:, order].sorted_indices(),
        item_table=None if table is None else table[order],
        removed=None if removed is None else removed[order],
        folded_texts=None if is_had.all() else texts[~is_had],
    )
    return changed, texts[is_had]


def _column_names(recommender: State) -> ColumnNames:
    config = recommender.report.get("config", {})
    return DataConfig(**{name: config[name] for name in DataConfig.model_fields if name in config}).columns


def _can_be_added(recommender: State, codes: IntArray) -> BoolArray:
    """Return which items of a table are new, or may have a new text; no removed item comes back."""
    known = codes >= 0
    can = ~known
    removed = np.zeros(len(recommender.items), dtype=np.bool_) if recommender.removed is None else recommender.removed
    can[known] = (recommender.folded & ~removed)[codes[known]]
    return can


def _with_untold(recommender: Known, interactions: pl.DataFrame, items: pl.DataFrame | None) -> tuple[Known, int]:
    """Return the recommender with the new items of interactions of which there is no text, and how many these are.

    Args:
        recommender: What is known.
        interactions: Columns `user_id` and `item_id`.
        items: Columns of items, for a recommender that reads no texts; None where it does, or where none were given.
    """
    ids = own_ids(interactions.select("item_id").unique(maintain_order=True), recommender.items)
    new = ids.filter(pl.Series(recommender.items.codes(ids["item_id"]) < 0))
    if new.is_empty():
        return recommender, 0
    table = new if items is None else new.join(items, on="item_id", how="left", maintain_order="left")
    width = 0 if recommender.fold_in is None else recommender.fold_in.text_width
    texts = np.zeros((len(new), width), dtype=np.float32)
    return with_items(recommender, table, np.full(len(new), -1), np.arange(len(new)), texts), len(new)
