"""Items that come and go. Nothing is changed in place: each function returns a new recommender."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.data import read_items
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, DataError, listed
from llminit.ids import converted, examples
from llminit.progress import SILENT, Reporter
from llminit.recommender.cold_text import item_texts
from llminit.recommender.folding import FoldIn, with_folded
from llminit.recommender.item_columns import with_rows
from llminit.recommender.state import State
from llminit.recommender.text_recipe import TextRecipe

Known = TypeVar("Known", bound=State)
"""The class of recommender that is given and returned."""


@dataclass(frozen=True)
class Added:
    """What adding items did.

    Attributes:
        n_added: Items that are new.
        n_replaced: Items that were folded in before and have a new text.
        n_restored: Items that had been removed and are there again.
        n_without_text: Those of the new and replaced ones that have no text and start from the mean of the others.
    """

    n_added: int
    n_replaced: int
    n_restored: int
    n_without_text: int


def add_items(
    recommender: Known,
    items: Any,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    exposure: float | None = None,
    reporter: Reporter = SILENT,
) -> tuple[Known, Added]:
    """Fold items in; see `Recommender.add_items`."""
    fold_in, recipe = foldable(recommender)
    if exposure is not None:
        fold_in = fold_in.with_exposure(exposure)
    table = own_ids(read_items(items), recommender.items)
    codes = recommender.items.codes(table["item_id"])
    back = _restored(recommender, codes)
    _check_not_warm(recommender, table["item_id"], codes, back)
    rows = np.flatnonzero(~back)
    texts = np.zeros((0, fold_in.text_width), dtype=np.float32)
    if len(rows):
        taken = table[rows]
        texts = item_texts(taken, recipe, fold_in.text_width, embeddings=embeddings, encoder=encoder, reporter=reporter)
    counts = Added(
        int((codes < 0).sum()), int((codes[rows] >= 0).sum()), int(back.sum()), int((~texts.any(axis=1)).sum())
    )
    if counts.n_without_text:
        reporter.note(
            f"{counts.n_without_text} of {len(rows)} items have no text and start from the mean of the others"
        )
    return with_items(replace(recommender, fold_in=fold_in), table, codes, rows, texts), counts


def remove_items(recommender: Known, item_ids: Any) -> Known:
    """Take items out of all lists; see `Recommender.remove_items`."""
    removed = _mask(recommender.removed, len(recommender.items))
    removed[recommender.item_codes(item_ids)] = True
    return replace(recommender, removed=removed)


def with_exposure(recommender: Known, exposure: float) -> Known:
    """Move the dial; see `Recommender.with_exposure`."""
    fold_in, recipe = foldable(recommender)
    fold_in = fold_in.with_exposure(exposure)
    if recommender.folded_texts is None:
        return replace(recommender, fold_in=fold_in)
    n_warm = len(recommender.items) - len(recommender.folded_texts)
    model = with_folded(recommender.model, fold_in, recipe, recommender.folded_texts, n_warm)
    return replace(recommender, fold_in=fold_in, model=model)


def with_items(recommender: Known, table: pl.DataFrame, codes: IntArray, rows: IntArray, texts: FloatArray) -> Known:
    """Return a recommender with items behind its own, or with new texts of those that were folded in before.

    Args:
        recommender: What is known.
        table: `item_id` and other columns.
        codes: int64 of shape (len(table),), the items' codes; -1 for new ones.
        rows: int64 of shape (n,), the rows of the table that are folded in; the others are only there again.
        texts: float32 of shape (n, D), their text embeddings; zeros without text.
    """
    fold_in, recipe = recommender.fold_in, recommender.text
    n_known = len(recommender.items)
    before = recommender.folded_texts
    before = np.zeros((0, texts.shape[1]), dtype=np.float32) if before is None else before
    n_warm = n_known - len(before)
    is_new = codes[rows] < 0
    folded = np.concatenate([before, texts[is_new]])
    folded[codes[rows][~is_new] - n_warm] = texts[~is_new]
    new = table[rows[is_new]]
    items = Vocabulary(pl.concat([recommender.items.ids, new["item_id"].alias(recommender.items.ids.name)]), "item")
    removed = _mask(recommender.removed, len(items))
    removed[codes[codes >= 0]] = False
    return replace(
        recommender,
        items=items,
        model=with_folded(recommender.model, fold_in, recipe, folded, n_warm),
        seen=_wider(recommender.seen, len(items)),
        pending=None if recommender.pending is None else _wider(recommender.pending, len(items)),
        item_table=with_rows(recommender.item_table, recommender.items, new, table[rows[~is_new]]),
        folded_texts=folded,
        removed=removed if removed.any() else None,
    )


def foldable(recommender: State) -> tuple[FoldIn, TextRecipe]:
    """Return what folding items in takes.

    Raises:
        ConfigError: The recommender does not have it.
    """
    fold_in, recipe = recommender.fold_in, recommender.text
    if fold_in is None or recipe is None or any(each is None for each in fold_in.items):
        reason = (
            "was fitted without text, so that nothing says which items a new one is like"
            if recipe is None
            else "was saved without what folds items in"
        )
        raise ConfigError(
            f"this recommender {reason}, expected one that was fitted from text by this version of llminit; fit it "
            "again with an item table or text embeddings"
        )
    return fold_in, recipe


def own_ids(table: pl.DataFrame, items: Vocabulary) -> pl.DataFrame:
    """Return a table with its item ids in the type of the known ones.

    Raises:
        DataError: An id cannot be of that type.
    """
    ids = converted(table["item_id"], items.ids.dtype)
    if ids.null_count():
        raise DataError(
            f"{ids.null_count()} of {len(ids)} new item ids cannot stand beside the known ones, such as "
            f"{listed(table['item_id'].filter(ids.is_null()))}; the item ids of the model are such as "
            f"{examples(items.ids)}: write the new ones in the same way"
        )
    return table.with_columns(ids.alias("item_id"))


def _restored(recommender: State, codes: IntArray) -> BoolArray:
    """Return which items are warm and had been removed: they come back as they were."""
    if recommender.removed is None:
        return np.zeros(len(codes), dtype=np.bool_)
    known = codes >= 0
    back = np.zeros(len(codes), dtype=np.bool_)
    back[known] = (recommender.removed & ~recommender.folded)[codes[known]]
    return back


def _check_not_warm(recommender: State, ids: pl.Series, codes: IntArray, back: BoolArray) -> None:
    known = codes >= 0
    warm = np.zeros(len(codes), dtype=np.bool_)
    warm[known] = ~recommender.folded[codes[known]]
    warm &= ~back
    if warm.any():
        raise DataError(
            f"{int(warm.sum())} of {len(codes)} items are known from training, such as "
            f"{listed(ids.filter(pl.Series(warm)))}; expected new items, or items that were added before: leave these "
            "out, as they keep what was learned of them"
        )


def _wider(matrix: sp.csr_array, n_items: int) -> sp.csr_array:
    return sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], n_items))


def _mask(removed: BoolArray | None, n_items: int) -> BoolArray:
    mask = np.zeros(n_items, dtype=np.bool_)
    if removed is not None:
        mask[: len(removed)] = removed
    return mask
