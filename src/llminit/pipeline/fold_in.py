"""The maps that fold cold items and users into a model that was fitted."""

import numpy as np

from llminit.arrays import FloatArray
from llminit.data import HeldOut
from llminit.fold_in import ItemMap, UserMap, fit_item_map, fit_user_map
from llminit.models.serving import DotProduct, ServingModel
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
    items = tuple(_item_map(part, learned, held_out, text) for part in models)
    return FoldIn(items, tuple(_user_map(part) for part in models), 0 if text is None else text.width)


def _item_map(model: ServingModel, learned: Learned, held_out: HeldOut, text: TextEmbeddings | None) -> ItemMap | None:
    if text is None or learned.selection is None or not isinstance(model, DotProduct):
        return None
    starts: FloatArray = learned.selection.apply(text.values)
    warm = ~text.missing
    degrees = np.bincount(held_out.train.indices, minlength=len(starts))
    kind = "start" if starts.shape[1] == model.items.shape[1] else "nearest"
    return fit_item_map(kind, starts[warm], model.items[warm], degrees[warm], EXPOSURE)  # type: ignore[arg-type]


def _user_map(model: ServingModel) -> UserMap | None:
    return fit_user_map(model.users) if isinstance(model, DotProduct) else None
