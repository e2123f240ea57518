"""Small recommenders that take new items, made without training, and an encoder that needs no model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit import Recommender
from llminit.arrays import FloatArray
from llminit.data.vocabulary import Vocabulary
from llminit.fold_in import ColumnMap, ItemMap, UserMap, fit_column_map, fit_item_map, fit_user_map
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.recommender import FoldIn, TextRecipe
from llminit.selectors import Selection
from llminit.text.encoder import Identity

WIDTH, SIZE = 6, 4
N_USERS, N_ITEMS = 7, 12
KINDS = ("dot", "items", "factors", "mixture")


class WordEncoder:
    """Gives each text a vector of its own, and counts the texts."""

    name = "words"

    def __init__(self, identity: str = "words 1") -> None:
        self.n_encoded = 0
        self._identity = identity

    def identity(self) -> Identity:
        return {"encoder": self._identity}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.n_encoded += len(texts)
        seeds = [list(text.encode()) for text in texts]
        return np.array([np.random.default_rng(seed).normal(size=WIDTH) for seed in seeds], dtype=np.float32)


def title(item: int) -> str:
    return f"title {item} é日本"


def foldable(kind: str = "dot", seed: int = 0, *, map_kind: Any = "start", n_items: int = N_ITEMS) -> Recommender:
    """Make a recommender of items 10, 11, ...; the first user has seen a lot, the last one nothing."""
    rng = np.random.default_rng(seed)
    seen = (rng.random((N_USERS, n_items)) < 0.3).astype(np.float32)
    seen[0, : n_items - 3], seen[-1] = 1, 0
    matrix = sp.csr_array(seen)
    degrees = seen.sum(axis=0).astype(np.int64)
    texts = WordEncoder().encode([title(item) for item in range(n_items)])
    selection = Selection(matrix=rng.normal(size=(WIDTH, SIZE)).astype(np.float32), centre=texts.mean(axis=0))
    starts = selection.apply(texts)
    parts: list[ServingModel] = []
    if kind in ("dot", "mixture"):
        items = (starts + 0.3 * rng.normal(size=starts.shape)).astype(np.float32)
        parts.append(DotProduct(rng.normal(size=(N_USERS, SIZE)).astype(np.float32), items))
    if kind in ("items", "mixture"):
        weights = rng.normal(size=(n_items, n_items)).astype(np.float32)
        np.fill_diagonal(weights, 0)
        parts.append(ItemModel([(weights, None)], degrees.astype(np.float32)))
    if kind == "factors":
        left = rng.normal(size=(n_items, 3)).astype(np.float32)
        sparse = sp.random_array((n_items, 5), density=0.5, rng=rng, dtype=np.float32, format="csr")
        pairs: list[Any] = [(left, np.ascontiguousarray(left.T)), (sparse, sp.csr_array(sparse.T))]
        parts.append(ItemModel(pairs, degrees.astype(np.float32)))
    item_maps: list[ItemMap | ColumnMap] = []
    user_maps: list[UserMap | None] = []
    for part in parts:
        if isinstance(part, DotProduct):
            item_maps.append(fit_item_map(map_kind, starts, part.items, degrees, 1.0))
            user_maps.append(fit_user_map(part.users))
        elif isinstance(part, ItemModel):
            item_maps.append(fit_column_map(part, texts, degrees, 1.0))
            user_maps.append(None)
    users = Vocabulary(pl.Series("user_id", range(N_USERS)), "user")
    ids = Vocabulary(pl.Series("item_id", range(10, 10 + n_items)), "item")
    table = pl.DataFrame(
        {
            "item_id": ids.ids,
            "title": [title(item) for item in range(n_items)],
            "price": [float(i) for i in range(n_items)],
        }
    )
    recipe = TextRecipe("pca", {}, selection, "words", {}, WordEncoder().identity(), "{title}")
    model = parts[0] if len(parts) == 1 else Mixture(parts, (0.6, 0.4))
    fold_in = FoldIn(tuple(item_maps), tuple(user_maps), WIDTH)
    return Recommender(users, ids, model, matrix, table, recipe, {"metrics": {}}, fold_in)


def new_items(*titles: str | None, first: int = 100) -> pl.DataFrame:
    """Return a table of new items with these titles."""
    ids = list(range(first, first + len(titles)))
    return pl.DataFrame({"item_id": ids, "title": pl.Series(titles, dtype=pl.String)})
