"""A small planted data set: users like the items of their own cluster, and the texts name the cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

N_USERS, N_ITEMS, N_CLUSTERS, WIDTH = 60, 40, 4, 32
SEEN_EACH = 8
SMALL: dict[str, Any] = {"embedding_size": 8, "epochs": 3}


@dataclass(frozen=True)
class World:
    """The tables of the planted data; user ids are numbers, item ids are text."""

    interactions: pl.DataFrame
    items: pl.DataFrame
    embeddings: pl.DataFrame

    def with_text_users(self) -> "World":
        users = pl.format("u-{}", "user_id").alias("user_id")
        return World(self.interactions.with_columns(users), self.items, self.embeddings)


def plant(seed: int = 0) -> World:
    rng = np.random.default_rng(seed)
    clusters = np.arange(N_ITEMS) % N_CLUSTERS
    rows = []
    for user in range(N_USERS):
        same = np.flatnonzero(clusters == user % N_CLUSTERS)
        other = np.flatnonzero(clusters != user % N_CLUSTERS)
        chosen = [*rng.choice(same, SEEN_EACH - 1, replace=False), rng.choice(other)]
        rows += [(user, item_id(item), 4.0 + item % 2, 1000 + 7 * turn) for turn, item in enumerate(chosen)]
    interactions = pl.DataFrame(rows, ["user_id", "item_id", "rating", "timestamp"], orient="row")
    ids = [item_id(item) for item in range(N_ITEMS)]
    titles = [f"Cluster {cluster} ü{item} „日本“ :smile: [b]" for item, cluster in enumerate(clusters)]
    centres = rng.normal(size=(N_CLUSTERS, WIDTH))
    values = (centres[clusters] + 0.3 * rng.normal(size=(N_ITEMS, WIDTH))).astype(np.float32)
    embeddings = pl.DataFrame({"item_id": ids, "embedding": pl.Series(values)})
    return World(interactions, pl.DataFrame({"item_id": ids, "title": titles}), embeddings)


def item_id(item: int) -> str:
    return f"i{item:02d}"


def everything_under(folder: Path) -> dict[str, bytes | None]:
    """Return every path below a folder, hidden ones included, with a file's bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
