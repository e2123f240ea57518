"""The maps that fold cold items and users into a model that was fitted."""

import numpy as np

from llminit.arrays import FloatArray
from llminit.data import HeldOut
from llminit.fold_in import ColumnMap, ItemMap, UserMap, fit_column_map, fit_item_map, fit_user_map
from llminit.fold_in.item_map import Kind
from llminit.models.cold import ColdText
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.pipeline.learned import Learned
from llminit.recommender import FoldIn
from llminit.recommender.folding import leaves
from llminit.text import TextEmbeddings

EXPOSURE = 1.0


def fitted_maps(learned: Learned, held_out: HeldOut, text: TextEmbeddings | None) -> FoldIn:
    """Return the maps of a model.

    Args:
        learned: The model.
        held_out: The data that it was fitted to.
        text: The text embeddings of its items; None without text.
    """
    models = leaves(learned.model)
    items = tuple(
        _item_map(part, cold, learned, held_out, text) for part, cold in zip(models, learned.cold, strict=True)
    )
    return FoldIn(items, tuple(_user_map(part) for part in models), 0 if text is None else text.width)


def _item_map(
    model: ServingModel, cold: ColdText | None, learned: Learned, held_out: HeldOut, text: TextEmbeddings | None
) -> ItemMap | ColumnMap | None:
    if text is None or learned.selection is None:
        return None
    degrees = np.bincount(held_out.train.indices, minlength=len(text))
    if isinstance(model, ItemModel):
        return fit_column_map(model, text.values, degrees, EXPOSURE, cold)
    if not isinstance(model, DotProduct):
        return None
    starts: FloatArray = learned.selection.apply(text.values)
    warm = ~text.missing
    kind: Kind = "start" if starts.shape[1] == model.items.shape[1] else "nearest"
    return fit_item_map(kind, starts[warm], model.items[warm], degrees[warm], EXPOSURE)


def _user_map(model: ServingModel) -> UserMap | None:
    return fit_user_map(model.users) if isinstance(model, DotProduct) else None
