"""The data of both sides of a comparison: the same interactions, split and initial embeddings."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import FloatArray, IntArray
from llminit.config import FilterConfig, SplitConfig
from llminit.data import Vocabulary, get_source, make_dataset, read_interactions, split_interactions

PARTS = ("train", "valid", "test")
FALLBACK = "ml-100k"
FILTERS = FilterConfig(min_rating=4, k_core=5)
INTERACTIONS_FILE = "interactions.npz"
INITIAL_FILE = "initial.npz"
PEER_NAME = "shared"


@dataclass(frozen=True)
class BenchmarkData:
    """A split data set in codes.

    Attributes:
        name: The data set.
        n_users: Number of users.
        n_items: Number of items.
        parts: By part: user codes and item codes, each int64 of shape (n,).
    """

    name: str
    n_users: int
    n_items: int
    parts: dict[str, tuple[IntArray, IntArray]]

    @property
    def n_train(self) -> int:
        """Number of training interactions."""
        return len(self.parts["train"][0])

    def describe(self) -> str:
        """Return a line with the counts."""
        counts = ", ".join(f"{len(self.parts[part][0]):,} {part}" for part in PARTS)
        return f"{self.name}: {self.n_users:,} users, {self.n_items:,} items, interactions: {counts}"


def find_interactions(name: str | None) -> tuple[str, Path]:
    """Return the data set's name and its interactions file; without a name, Beauty or else MovieLens-100K.

    Raises:
        SystemExit: The named data set was not found.
    """
    preferred = name or "amazon-beauty"
    for folder in _data_folders():
        if (folder / preferred / "interactions.parquet").is_file():
            return preferred, folder / preferred / "interactions.parquet"
    if name not in (None, FALLBACK):
        raise SystemExit(f"the data set {name} was not found; set LLMINIT_DATA to the folder that holds it")
    if name is None:
        print(f"{preferred} was not found; using {FALLBACK} instead", file=sys.stderr)
    return FALLBACK, get_source(FALLBACK, Path(__file__).parent / ".peers" / FALLBACK) / "interactions.parquet"


def load(name: str | None) -> BenchmarkData:
    """Read, filter (rating >= 4, 5-core) and split a data set; gowalla is already split and used as it is."""
    name, path = find_interactions(name)
    if name == "gowalla":
        return _already_split(name, pl.read_parquet(path))
    dataset = make_dataset(read_interactions(path), None, FILTERS)
    split = split_interactions(dataset, SplitConfig(kind="random-loo"), seed=0)
    parts = {part: (getattr(split, part).users, getattr(split, part).items) for part in PARTS}
    return BenchmarkData(name, dataset.n_users, dataset.n_items, parts)


def synthetic(n_interactions: int, seed: int = 0) -> BenchmarkData:
    """Draw distinct interactions with power-law degrees: a tenth as many users, a fiftieth as many items.

    A user's weight falls as rank^-0.6 and an item's as rank^-0.8. All interactions are for training.
    """
    n_users, n_items = n_interactions // 10, n_interactions // 50
    rng = np.random.default_rng(seed)
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < n_interactions:
        n_more = int(1.3 * (n_interactions - len(keys))) + 1000
        drawn = _power_law(n_users, 0.6, n_more, rng) * n_items + _power_law(n_items, 0.8, n_more, rng)
        keys = np.unique(np.concatenate([keys, drawn]))
    users, items = np.divmod(np.sort(rng.permutation(keys)[:n_interactions]), n_items)
    empty = np.empty(0, dtype=np.int64)
    parts = {"train": (users, items), "valid": (empty, empty), "test": (empty, empty)}
    return BenchmarkData(f"synthetic-{n_interactions}", n_users, n_items, parts)


def write(data: BenchmarkData, folder: Path, embedding_size: int, *, for_peer: bool = False) -> None:
    """Write interactions and initial embeddings for the workers, and with `for_peer` split RecBole atomic files.

    RecBole refuses an empty part; the atomic files hold the test part instead.
    """
    arrays: dict[str, Any] = {}
    for part in PARTS:
        arrays[f"{part}_users"], arrays[f"{part}_items"] = data.parts[part]
    np.savez(folder / INTERACTIONS_FILE, n_users=data.n_users, n_items=data.n_items, **arrays)
    users, items = _xavier(data, embedding_size)
    np.savez(folder / INITIAL_FILE, users=users, items=items)
    if for_peer:
        _write_atomic(data, folder / "atomic" / PEER_NAME)


def _write_atomic(data: BenchmarkData, folder: Path) -> None:
    folder.mkdir(parents=True)
    for part in PARTS:
        users, items = data.parts[part] if len(data.parts[part][0]) else data.parts["test"]
        table = pl.DataFrame({"user_id:token": users, "item_id:token": items})
        table.write_csv(folder / f"{PEER_NAME}.{part}.inter", separator="\t")


def _xavier(data: BenchmarkData, embedding_size: int) -> tuple[FloatArray, FloatArray]:
    """Draw the initial embeddings of every side: float32 of shapes (n_users, d) and (n_items, d)."""
    rng = np.random.default_rng(0)
    tables = []
    for n_rows in (data.n_users, data.n_items):
        bound = np.float32(np.sqrt(6 / (n_rows + embedding_size)))
        tables.append((rng.random((n_rows, embedding_size), dtype=np.float32) * 2 - 1) * bound)
    return tables[0], tables[1]


def _data_folders() -> list[Path]:
    root = Path(__file__).resolve().parents[1]
    folder = os.environ.get("LLMINIT_DATA")
    return ([Path(folder)] if folder else []) + [root / "shared" / "data", root.parent / "shared" / "data"]


def _already_split(name: str, table: pl.DataFrame) -> BenchmarkData:
    users = Vocabulary.from_ids(table["user_id"], "user")
    items = Vocabulary.from_ids(table["item_id"], "item")
    parts = {}
    for part in PARTS:
        rows = table.filter(pl.col("split") == part)
        parts[part] = (users.codes(rows["user_id"]), items.codes(rows["item_id"]))
    return BenchmarkData(name, len(users), len(items), parts)


def _power_law(n: int, exponent: float, size: int, rng: np.random.Generator) -> IntArray:
    cumulative = np.cumsum(np.arange(1, n + 1, dtype=np.float64) ** -exponent)
    drawn = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    # Codes must not be sorted by weight, or memory would be read in order.
    codes: IntArray = rng.permutation(n)[np.minimum(drawn, n - 1)]
    return codes
