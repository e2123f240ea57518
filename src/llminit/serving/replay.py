"""A model that was just loaded, brought to where the server was: what it was told since is applied again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from llminit.arrays import BoolArray
from llminit.errors import LLMInitError
from llminit.recommender import Recommender
from llminit.serving.changes import Change, InteractionsAdded, ItemsAdded, ItemsRemoved, recipe_of
from llminit.serving.logs import Log
from llminit.serving.store import Stored


def replayed(
    recommender: Recommender, stored: Stored, log: Log, open_encoder: Callable[[Recommender], Any] | None = None
) -> Recommender:
    """Return a recommender that knows what is stored.

    What a newer model does not need or cannot take is left out, and the log says so: items that it was fitted to,
    interactions with items that it does not know. Nothing of it is lost, as the store keeps it.

    Args:
        recommender: As it was loaded.
        stored: What the server was told.
        log: Told what is left out.
        open_encoder: Opens the encoder of a recommender, for items whose text embeddings are of another one.
    """
    for change in _usable_items(recommender, stored.items):
        encoder = None if change.texts or open_encoder is None else open_encoder(recommender)
        recommender = _applied(recommender, change, log, encoder)
    recommender = _applied(recommender, _known_interactions(recommender, stored.interactions), log)
    known = _known(recommender.items, stored.removed.item_ids)
    removed = ItemsRemoved(
        [item_id for item_id, is_known in zip(stored.removed.item_ids, known, strict=True) if is_known]
    )
    recommender = _applied(recommender, removed, log)
    return recommender if stored.exposure is None else _applied(recommender, stored.exposure, log)


def _usable_items(recommender: Recommender, stored: ItemsAdded) -> list[ItemsAdded]:
    """Return the items that the model was not fitted to: those with text embeddings of its encoder, and the others."""
    known = _known(recommender.items, [row["item_id"] for row in stored.rows])
    rows = [row for row, is_known in zip(stored.rows, known, strict=True) if not is_known]
    recipe = recipe_of(recommender.text)
    same = [row for row in rows if stored.texts[row["item_id"]].recipe == recipe]
    others = [row for row in rows if stored.texts[row["item_id"]].recipe != recipe]
    texts = {row["item_id"]: stored.texts[row["item_id"]] for row in same}
    return [change for change in (ItemsAdded(same, texts), ItemsAdded(others)) if change.rows]


def _known_interactions(recommender: Recommender, stored: InteractionsAdded) -> InteractionsAdded:
    known = _known(recommender.items, [row["item_id"] for row in stored.rows])
    return replace(stored, rows=[row for row, is_known in zip(stored.rows, known, strict=True) if is_known])


def _known(items: Any, ids: Any) -> BoolArray:
    return items.codes(list(ids)) >= 0 if len(ids) else np.zeros(0, dtype=np.bool_)


def _applied(recommender: Recommender, change: Change, log: Log, encoder: Any = None) -> Recommender:
    """Apply a change; where it cannot be, its rows one by one, and those that cannot are left out."""
    rows = _rows(change)
    if rows is not None and not rows:
        return recommender
    try:
        return change.applied(recommender, encoder)
    except LLMInitError as error:
        if rows is None or len(rows) == 1:
            log("warning", "left out", what=type(change).__name__, rows=rows, error=str(error))
            return recommender
    for row in rows:
        recommender = _applied(recommender, _of_one(change, row), log, encoder)
    return recommender


def _rows(change: Change) -> Any:
    if isinstance(change, ItemsAdded | InteractionsAdded):
        return change.rows
    return change.item_ids if isinstance(change, ItemsRemoved) else None


def _of_one(change: Change, row: Any) -> Change:
    if isinstance(change, ItemsAdded):
        texts = {item_id: text for item_id, text in change.texts.items() if item_id == str(row["item_id"])}
        return ItemsAdded([row], texts)
    return InteractionsAdded([row]) if isinstance(change, InteractionsAdded) else ItemsRemoved([row])
