"""A recommender whose items differ in length, so that cosine and dot product rank them differently."""

from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit import Recommender
from llminit.arrays import FloatArray
from llminit.data.vocabulary import Vocabulary
from llminit.models.serving import DotProduct

N_USERS, N_ITEMS, WIDTH = 30, 80, 12
ODD_IDS = ["tab\there", 'quote"d', "back\\slash", "comma,", "new\nline", "„日本“", "\\N", "\\.", "'; DROP TABLE x; --"]


def sample(*, odd: bool = False, seed: int = 0) -> Recommender:
    """Make a recommender of numbered users and named items; `odd` gives items ids that are hard to write."""
    rng = np.random.default_rng(seed)
    names = [f"i{item:02d}" for item in range(N_ITEMS)]
    if odd:
        names[: len(ODD_IDS)] = ODD_IDS
    items = Vocabulary.from_ids(pl.Series(names), "item")
    users = Vocabulary.from_ids(pl.Series(np.arange(N_USERS) * 7 - 14), "user")
    lengths = rng.lognormal(sigma=1, size=(N_ITEMS, 1))
    model = DotProduct(floats(rng.normal(size=(N_USERS, WIDTH))), floats(lengths * rng.normal(size=(N_ITEMS, WIDTH))))
    seen = (rng.random((N_USERS, N_ITEMS)) < 0.1).astype(np.float32)
    seen[:, 0] = 1
    table = pl.DataFrame(
        {
            "item_id": items.ids,
            "title": [f"Title\t{item} „日本“ \\" if item % 9 else None for item in range(N_ITEMS)],
            "price": np.linspace(0.5, 9.5, N_ITEMS),
            "tags": [["red", 'b"lue'], [], None, ["green"]] * (N_ITEMS // 4),
            "since": pl.Series([18000 + item for item in range(N_ITEMS)]).cast(pl.Date),
            "embedding": [[1.0, 2.0]] * N_ITEMS,
            "blob": [b"\xff"] * N_ITEMS,
        }
    )
    return Recommender(users, items, model, sp.csr_array(seen), table, None, {"best_epoch": 3})


def floats(values: Any) -> FloatArray:
    return np.ascontiguousarray(values, dtype=np.float32)


def arrays(recommender: Recommender) -> tuple[FloatArray, FloatArray]:
    """Return the users' and the items' embeddings."""
    assert isinstance(recommender.model, DotProduct)
    return recommender.model.users, recommender.model.items


def best(recommender: Recommender, k: int = 10, *, exclude_seen: bool = False) -> dict[Any, list[Any]]:
    """Return each user's best items as the model ranks them."""
    table = recommender.recommend(k=k, exclude_seen=exclude_seen)
    grouped = table.group_by("user_id", maintain_order=True).agg("item_id")
    return dict(zip(grouped["user_id"].to_list(), grouped["item_id"].to_list(), strict=True))
