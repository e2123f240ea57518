"""What a recommender needs to serve what it was not fitted to: a map for each of the models that it is made of.

A recommender serves one model or a mixture of them. Cold items are always the last ones, so that the arrays of warm
items come first and a cold item's vector can be made anew at any time, from its text embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.fold_in import ItemMap, UserMap, fit_user_map
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ServingModel
from llminit.selectors import Selection


@dataclass(frozen=True, eq=False)
class FoldIn:
    """The maps of a recommender.

    Attributes:
        items: For each model, what makes a cold item of its text; None where nothing can.
        users: For each model, what makes a user of a history; None for a model that scores histories as they are.
        text_width: D, the width of the text embeddings.
    """

    items: tuple[ItemMap | None, ...]
    users: tuple[UserMap | None, ...]
    text_width: int

    @property
    def exposure(self) -> float | None:
        """The dial; None where no item can be folded in."""
        return next((each.exposure for each in self.items if each is not None), None)

    def with_exposure(self, exposure: float) -> Self:
        """Return the same maps with the dial moved.

        Raises:
            ConfigError: The exposure is negative or not finite.
        """
        return replace(self, items=tuple(None if each is None else each.with_exposure(exposure) for each in self.items))

    def document(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON values."""
        return {
            "text_width": self.text_width,
            "items": [None if each is None else each.document() for each in self.items],
            "users": [None if each is None else each.document() for each in self.users],
        }

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays of all maps by name."""
        named: dict[str, AnyArray] = {}
        for kind, maps in (("items", self.items), ("users", self.users)):
            for index, each in enumerate(maps):
                own = {} if each is None else each.arrays()
                named |= {f"{kind}.{index}.{name}": array for name, array in own.items()}
        return named

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """Make the maps whose `document` and `arrays` these are.

        Raises:
            KeyError: A part is missing.
            ValueError: A map is of an unknown kind.
        """

        def own(prefix: str) -> dict[str, AnyArray]:
            return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

        items = [
            None if part is None else ItemMap.from_parts(part, own(f"items.{index}."))
            for index, part in enumerate(document["items"])
        ]
        users = [
            None if part is None else UserMap.from_parts(part, own(f"users.{index}."))
            for index, part in enumerate(document["users"])
        ]
        return cls(tuple(items), tuple(users), int(document["text_width"]))


def leaves(model: ServingModel) -> Sequence[ServingModel]:
    """Return the models that a model is made of: those of a mixture, or itself."""
    return model.models if isinstance(model, Mixture) else (model,)


def with_leaves(model: ServingModel, parts: Sequence[ServingModel]) -> ServingModel:
    """Return the model with other models in the place of its own."""
    return Mixture(list(parts), model.weights) if isinstance(model, Mixture) else parts[0]


def for_histories(model: ServingModel, fold_in: FoldIn | None, histories: csr_array) -> ServingModel:
    """Return the model whose users are those of some histories, in their order.

    Args:
        model: A model of all items.
        fold_in: Its maps; None for the mean of the items' vectors.
        histories: float32 CSR of shape (n, n_items).
    """
    parts = []
    for index, part in enumerate(leaves(model)):
        if isinstance(part, DotProduct):
            user_map = (None if fold_in is None else fold_in.users[index]) or fit_user_map(part.users)
            part = DotProduct(_users(user_map, part, histories), part.items)  # noqa: PLW2901
        parts.append(part)
    return with_leaves(model, parts)


def with_folded(
    model: ServingModel, fold_in: FoldIn, selection: Selection, texts: FloatArray, n_warm: int
) -> ServingModel:
    """Return the model of its warm items and of items that are folded in, which come last.

    Args:
        model: A model whose first `n_warm` items are warm; those behind them are left out.
        fold_in: Its maps, one of items for each model.
        selection: Makes starts of text embeddings.
        texts: float32 of shape (n, D), the text embeddings of the cold items; zeros for one without text.
        n_warm: How many items are warm.
    """
    starts = starts_of(selection, texts)
    parts: list[ServingModel] = []
    for part, item_map in zip(leaves(model), fold_in.items, strict=True):
        if not isinstance(part, DotProduct) or item_map is None:
            raise NotImplementedError
        parts.append(DotProduct(part.users, np.concatenate([part.items[:n_warm], item_map.vectors(starts)])))
    return with_leaves(model, parts)


def starts_of(selection: Selection, texts: FloatArray) -> FloatArray:
    """Return the starts of cold items, float32 of shape (n, d0); one without text gets the mean of the others."""
    starts = selection.apply(texts)
    has_text = texts.any(axis=1)
    starts[~has_text] = starts[has_text].mean(axis=0, dtype=np.float64) if has_text.any() else 0
    return starts


def _users(user_map: UserMap, model: DotProduct, histories: csr_array) -> FloatArray:
    """Return users' vectors; an empty history gets the mean user, and no items but those of the histories are read."""
    used = np.unique(histories.indices)
    users = user_map.vectors(histories[:, used], model.items[used]) if len(used) else None
    result = np.zeros((histories.shape[0], model.items.shape[1]), dtype=np.float32) if users is None else users
    without = np.diff(histories.indptr) == 0
    if without.any():
        result[without] = model.users.mean(axis=0, dtype=np.float64)
    return result
