"""The result: a folder of coded interactions in shards of users, with a manifest that says what must be there.

manifest.json              sizes, filters, and each file's SHA-256; its digest names the content
users.parquet              the users' ids in code order
items.parquet              the items' ids in code order
shard-00000.indptr.npy     int64 of shape (n_users of the shard + 1,)
shard-00000.items.npy      uint32 of shape (n,), item codes, by user, in order of time
shard-00000.timestamps.npy int64 or float64 of shape (n,), where there are times
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of_file, sha256_of_json
from llminit.config import FilterConfig
from llminit.data.dataset import Dataset, Interactions
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError

MANIFEST = "manifest.json"
KIND = "llminit-interactions"
LAYOUT_VERSION = 1


@dataclass(frozen=True, eq=False)
class Shard:
    """The interactions of a range of users, mapped into memory.

    Attributes:
        first_user: The code of the first user.
        indptr: int64 of shape (n_users + 1,), where each user begins.
        items: uint32 of shape (n,), item codes, by user, in order of time.
        timestamps: int64 or float64 of shape (n,), or None where there are no times.
    """

    first_user: int
    indptr: AnyArray
    items: AnyArray
    timestamps: AnyArray | None


@dataclass(frozen=True, eq=False)
class PreparedInteractions:
    """A folder of prepared interactions.

    Attributes:
        folder: Where it is.
        manifest: What it says of itself.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.manifest["n_users"])

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.manifest["n_items"])

    @property
    def n_interactions(self) -> int:
        """Number of interactions."""
        return int(self.manifest["n_interactions"])

    @property
    def filters(self) -> FilterConfig:
        """The filters that it was made with."""
        return FilterConfig.make(**self.manifest["filters"])

    @property
    def digest(self) -> str:
        """A SHA-256 that names the content."""
        return str(self.manifest["digest"])

    @cached_property
    def users(self) -> Vocabulary:
        """The users' ids, in code order."""
        return Vocabulary(self._ids("users.parquet"), "user")

    @cached_property
    def items(self) -> Vocabulary:
        """The items' ids, in code order."""
        return Vocabulary(self._ids("items.parquet"), "item")

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return len(self.manifest["shards"])

    def shard(self, index: int) -> Shard:
        """Return one shard, mapped into memory; a trainer of some users needs no others.

        Raises:
            DataError: A file of it is missing or damaged.
        """
        about = self.manifest["shards"][index]
        name = f"shard-{index:05}"
        times = self._mapped(f"{name}.timestamps.npy") if self.manifest["timestamps"] else None
        indptr, items = self._mapped(f"{name}.indptr.npy"), self._mapped(f"{name}.items.npy")
        return Shard(int(about["first_user"]), indptr, items, times)

    def check(self) -> None:
        """Check every file against its size and SHA-256.

        Raises:
            DataError: A file is missing, or is not what was written.
        """
        for name, about in self.manifest["files"].items():
            path = self.folder / name
            if not path.is_file():
                raise self._damaged(name, "is missing")
            if path.stat().st_size != about["bytes"]:
                raise self._damaged(name, f"has {path.stat().st_size} bytes, expected {about['bytes']}")
            if sha256_of_file(path) != about["sha256"]:
                raise self._damaged(name, "has another SHA-256 than when it was written")

    def dataset(self) -> Dataset:
        """Return all interactions in memory, as `make_dataset` makes them of the table.

        Raises:
            DataError: A file is missing or damaged.
        """
        self.check()
        n = self.n_interactions
        users, items = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        times = np.empty(n, dtype=self.manifest["timestamps"]) if self.manifest["timestamps"] else None
        start = 0
        for index in range(self.n_shards):
            shard = self.shard(index)
            stop = start + len(shard.items)
            codes = np.arange(shard.first_user, shard.first_user + len(shard.indptr) - 1)
            users[start:stop] = np.repeat(codes, np.diff(shard.indptr))
            items[start:stop] = shard.items
            if times is not None:
                times[start:stop] = shard.timestamps
            start = stop
        return Dataset(self.users, self.items, Interactions(users, items, times))

    def _ids(self, name: str) -> pl.Series:
        try:
            return pl.read_parquet(self.folder / name)["id"]
        except (PolarsError, OSError) as error:
            raise self._damaged(name, "cannot be read") from error

    def _mapped(self, name: str) -> AnyArray:
        try:
            array: AnyArray = np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name, "cannot be read") from error
        return array

    def _damaged(self, name: str, how: str) -> DataError:
        return DataError(
            f"{name} of {self.folder} {how}; expected the files that its {MANIFEST} names: copy the folder again, or "
            "run `llminit data prepare` with the same inputs, which finds the damage and makes the folder anew"
        )


def is_prepared(source: Any) -> bool:
    """Return whether something is the path of a folder that `llminit data prepare` wrote."""
    return isinstance(source, str | Path) and (Path(source) / MANIFEST).is_file()


def open_prepared(folder: str | Path) -> PreparedInteractions:
    """Open a folder of prepared interactions; its files are read when they are asked for.

    Raises:
        DataError: There is no manifest, or it is of something else or of another version.
    """
    path = Path(folder)
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} has no readable {MANIFEST}; expected a folder that `llminit data prepare` wrote: check the path"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise DataError(
            f"{path / MANIFEST} is not of prepared interactions; expected a folder that `llminit data prepare` wrote: "
            "check the path"
        )
    if manifest.get("layout_version") != LAYOUT_VERSION:
        raise DataError(
            f"{path} has layout version {manifest.get('layout_version')}, expected {LAYOUT_VERSION}; prepare it again "
            "with this version of LLMInit"
        )
    if manifest.get("digest") != digest_of(manifest):
        raise DataError(
            f"{path / MANIFEST} was changed since it was written; expected its digest to fit: copy the folder again, "
            "or prepare it again"
        )
    return PreparedInteractions(path, manifest)


def digest_of(manifest: dict[str, Any]) -> str:
    """Return a SHA-256 of what a manifest says of the content; where it came from is left out."""
    content = {name: value for name, value in manifest.items() if name not in ("digest", "request")}
    return sha256_of_json(content, ensure_ascii=True)
