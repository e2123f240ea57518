"""The maps that fold cold items and users into a model that was fitted."""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.config import FitConfig
from llminit.data import HeldOut
from llminit.fold_in import (
    DEFAULT_EXPOSURE,
    ColumnMap,
    HistoryMap,
    ItemMap,
    UserMap,
    WarmModel,
    choose_item_map,
    fit_column_map,
    fit_item_map,
    fit_linear_user_map,
    fit_user_map,
)
from llminit.models.backbone import HistoryRows
from llminit.models.cold import ColdText
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.pipeline.learned import Learned
from llminit.recommender import FoldIn
from llminit.recommender.folding import leaves
from llminit.recommender.trained_rows import TrainedRows
from llminit.text import TextEmbeddings


def fitted_maps(learned: Learned, held_out: HeldOut, text: TextEmbeddings | None, config: FitConfig) -> FoldIn:
    """Return the maps of a model, chosen on the validation interactions where there are any.

    The dial is one for all of the models that it is made of: that of the first one of embeddings.

    Args:
        learned: The model.
        held_out: The data that it was fitted to.
        text: The text embeddings of its items; None without text.
        config: The trade between cold and warm items, and the seed.
    """
    models = leaves(learned.model)
    items = tuple(
        _item_map(part, cold, learned, held_out, text, config) for part, cold in zip(models, learned.cold, strict=True)
    )
    is_distilled = learned.distilled is not None
    users = tuple(
        _user_map(part, rows, held_out.train, is_distilled)
        for part, rows in zip(models, learned.users_from, strict=True)
    )
    chosen = next((each.exposure for each in items if isinstance(each, ItemMap)), DEFAULT_EXPOSURE)
    items = tuple(None if each is None else each.with_exposure(chosen) for each in items)
    return FoldIn(items, users, 0 if text is None else text.width)


def refitted_maps(
    maps: FoldIn, learned: Learned, seen: csr_array, starts: FloatArray | None, texts: FloatArray | None
) -> FoldIn:
    """Return the maps of a model that was learned on, of the kinds and with the dial that they had.

    Args:
        maps: Those of the model before.
        learned: The model now.
        seen: float32 CSR of shape (n_users, n_items), what it was learned from.
        starts: float32 of shape (n_items, d0), what the selection makes of the items' texts; None without text.
        texts: float32 of shape (n_items, D), zeros for an item without text; None without text.
    """
    items: list[ItemMap | ColumnMap | None] = []
    users: list[UserMap | HistoryMap | None] = []
    degrees = np.bincount(seen.indices, minlength=seen.shape[1])
    parts = zip(leaves(learned.model), learned.cold, learned.users_from, maps.items, maps.users, strict=True)
    for part, cold, rows, item_map, user_map in parts:
        if texts is None or starts is None or item_map is None:
            items.append(None)
        elif isinstance(part, DotProduct) and isinstance(item_map, ItemMap):
            warm = np.any(texts, axis=1)
            of_warm = starts[warm], part.items[warm], degrees[warm]
            fitted = fit_item_map(item_map.shape, *of_warm, item_map.exposure, texts[warm], item_map.space)
            items.append(replace(fitted, measured=item_map.measured))
        elif isinstance(part, ItemModel):
            items.append(fit_column_map(part, texts, degrees, item_map.exposure, cold))
        again = _user_map(part, rows, seen, isinstance(user_map, UserMap) and user_map.kind == "linear")
        if isinstance(user_map, UserMap) and isinstance(again, UserMap):
            again = replace(user_map, length=again.length, arrays_by_name=again.arrays_by_name)
        users.append(again)
    return replace(maps, items=tuple(items), users=tuple(users))


def trained_rows(
    rows: FloatArray | None, n_items: int, texts: FloatArray | None, order: csr_array | None = None
) -> TrainedRows:
    """Return what `refresh` needs beyond what serves.

    Args:
        rows: A backbone's rows, of users and items or of items alone; None without one.
        n_items: How many items there are.
        texts: float32 of shape (n_items, D), the items' text embeddings; None without text.
        order: The place of each interaction among those of its user; None for a model that makes nothing of it.
    """
    n_users = 0 if rows is None else len(rows) - n_items
    users = rows[:n_users] if rows is not None and n_users else None
    places = None if order is None else order.data
    return TrainedRows.of(users=users, items=None if rows is None else rows[n_users:], texts=texts, order=places)


def _item_map(
    model: ServingModel,
    cold: ColdText | None,
    learned: Learned,
    held_out: HeldOut,
    text: TextEmbeddings | None,
    config: FitConfig,
) -> ItemMap | ColumnMap | None:
    if text is None or learned.selection is None:
        return None
    if isinstance(model, ItemModel):
        degrees = np.bincount(held_out.train.indices, minlength=len(text))
        return fit_column_map(model, text.values, degrees, DEFAULT_EXPOSURE, cold)
    if not isinstance(model, DotProduct):
        return None
    starts: FloatArray = learned.selection.apply(text.values)
    warm = WarmModel(model.users, model.items, starts, ~text.missing, held_out.train, held_out.valid, text.values)
    return choose_item_map(warm, config.max_warm_loss, config.seed)


def _user_map(
    model: ServingModel, rows: HistoryRows | None, seen: csr_array, is_distilled: bool
) -> UserMap | HistoryMap | None:
    if rows is not None:
        return HistoryMap(*rows)
    if not isinstance(model, DotProduct):
        return None
    return fit_linear_user_map(model.users, model.items, seen) if is_distilled else fit_user_map(model.users)
