"""What a recommender needs to serve what it was not fitted to: a map for each of the models that it is made of.

A recommender serves one model or a mixture of them. Cold items are always the last ones, so that the arrays of warm
items come first and a cold item's vector can be made anew at any time, from its text embedding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.fold_in import ColumnMap, HistoryMap, ItemMap, UserMap, fit_user_map, widened
from llminit.models.mixture import Mixture, mixed
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.recommender.text_recipe import TextRecipe
from llminit.selectors import Selection


@dataclass(frozen=True, eq=False)
class FoldIn:
    """The maps of a recommender.

    Attributes:
        items: For each model, what makes a cold item of its text; None where nothing can.
        users: For each model, what makes a user of a history; None for a model that scores histories as they are.
        text_width: D, the width of the text embeddings.
    """

    items: tuple[ItemMap | ColumnMap | None, ...]
    users: tuple[UserMap | HistoryMap | None, ...]
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
            None if part is None else _item_map(part, own(f"items.{index}."))
            for index, part in enumerate(document["items"])
        ]
        users = [
            None if part is None else _user_map(part, own(f"users.{index}."))
            for index, part in enumerate(document["users"])
        ]
        return cls(tuple(items), tuple(users), int(document["text_width"]))


def leaves(model: ServingModel) -> Sequence[ServingModel]:
    """Return the models that a model is made of: those of a mixture, or itself."""
    return model.models if isinstance(model, Mixture) else (model,)


def with_leaves(model: ServingModel, parts: Sequence[ServingModel]) -> ServingModel:
    """Return the model with other models in the place of its own."""
    return Mixture(list(parts), model.weights) if isinstance(model, Mixture) else parts[0]


def for_histories(
    model: ServingModel, fold_in: FoldIn | None, histories: csr_array, mean_users: Callable[[int], FloatArray]
) -> ServingModel:
    """Return the model whose users are those of some histories, in their order.

    Args:
        model: A model of all items.
        fold_in: Its maps; None for the mean of the items' vectors.
        histories: float32 CSR of shape (n, n_items).
        mean_users: Returns the mean user of one of its models, float32 of shape (d,), for an empty history.
    """
    parts: list[ServingModel] = []
    without = np.diff(histories.indptr) == 0
    for index, part in enumerate(leaves(model)):
        if isinstance(part, DotProduct):
            user_map = (None if fold_in is None else fold_in.users[index]) or fit_user_map(part.users)
            users = _users(user_map, part.items, histories)
            if without.any():
                users[without] = mean_users(index)
            part = DotProduct(users, part.items)
        parts.append(part)
    return with_leaves(model, parts)


def with_folded(
    model: ServingModel, fold_in: FoldIn | None, recipe: TextRecipe | None, texts: FloatArray, n_warm: int
) -> ServingModel:
    """Return the model of its warm items and of items that are folded in, which come last.

    Args:
        model: A model whose first `n_warm` items are warm; those behind them are left out.
        fold_in: Its maps, one of items for each model; without one, cold items score nothing.
        recipe: Makes starts of text embeddings.
        texts: float32 of shape (n, D), the text embeddings of the cold items; zeros for one without text, which gets
            the mean of the others.
        n_warm: How many items are warm.
    """
    has_text = np.any(texts, axis=1)
    filled = np.array(texts)
    filled[~has_text] = texts[has_text].mean(axis=0, dtype=np.float64) if has_text.any() else 0
    parts: list[ServingModel] = []
    for index, part in enumerate(leaves(model)):
        item_map = None if fold_in is None else fold_in.items[index]
        if isinstance(part, DotProduct):
            cold = np.zeros((len(texts), part.items.shape[1]), dtype=np.float32)
            if isinstance(item_map, ItemMap) and recipe is not None and has_text.any():
                cold = item_map.vectors(recipe.selection.apply(filled), filled)
            parts.append(DotProduct(part.users, np.concatenate([part.items[:n_warm], cold])))
        elif isinstance(part, ItemModel):
            warm = _warm(part, n_warm)
            parts.append(
                item_map.extended(warm, filled) if isinstance(item_map, ColumnMap) else widened(warm, len(texts))
            )
    return with_leaves(model, parts)


def text_scores(
    model: ServingModel, fold_in: FoldIn, selection: Selection, text: FloatArray, folded: FloatArray, directions: Any
) -> FloatArray:
    """Return how near each item is to a text, float32 of shape (1, n_items).

    A model of embeddings says it by the cosine of the items' vectors to the one that an item of this text would have;
    an item model, whose items have no vectors of text, by that of the texts. A mixture weighs them as it does scores.

    Args:
        model: A model of all items.
        fold_in: Its maps.
        selection: Makes starts of text embeddings.
        text: float32 of shape (1, D), a text embedding.
        folded: float32 of shape (n_folded, D), those of the items that were folded in.
        directions: Returns the vectors of the items of one of its models at length 1, by the model's number.
    """
    scores = []
    for index, (part, item_map) in enumerate(zip(leaves(model), fold_in.items, strict=True)):
        if isinstance(part, DotProduct) and isinstance(item_map, ItemMap):
            query = item_map.with_exposure(1.0).vectors(selection.apply(text), text)
            unit = query / max(float(np.linalg.norm(query)), 1e-12)
            scores.append(np.asarray(unit @ directions(index).T, dtype=np.float32))
        elif isinstance(part, ItemModel) and isinstance(item_map, ColumnMap):
            scores.append(item_map.cosines(text, folded))
    return mixed(scores, model.weights) if isinstance(model, Mixture) else scores[0]


def _users(user_map: UserMap | HistoryMap, items: FloatArray, histories: csr_array) -> FloatArray:
    if user_map.kind in ("mean", "linear"):
        # The items of the histories say all: of a large catalogue, no others are read.
        used, columns = np.unique(histories.indices, return_inverse=True)
        if not len(used):
            return np.zeros((histories.shape[0], items.shape[1]), dtype=np.float32)
        histories = csr_array((histories.data, columns, histories.indptr), shape=(histories.shape[0], len(used)))
        items = items[used]
    return user_map.vectors(histories, items)


def _warm(model: ItemModel, n_warm: int) -> ItemModel:
    if model.n_items == n_warm:
        return model
    pairs = [
        (left[:n_warm, :n_warm], None) if right is None else (left[:n_warm], right[:, :n_warm])
        for left, right in model.pairs
    ]
    return ItemModel(pairs, model.popularity[:n_warm])


def _user_map(document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> UserMap | HistoryMap:
    kind = HistoryMap if document["kind"] == HistoryMap.kind else UserMap
    return kind.from_parts(document, arrays)


def _item_map(document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> ItemMap | ColumnMap:
    kind = ColumnMap if "centre" in arrays else ItemMap
    return kind.from_parts(document, arrays)
