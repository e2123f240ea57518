"""The encoding cache: the vectors of shards, kept on disk between runs.

Each encoder identity has its own folder with any number of part files (see `parts`), and for each catalogue that was
encoded a file that says which parts were there before (see `plan`). Parts are only ever added as a whole or removed, so
several processes and machines can share a cache, and a killed one leaves nothing half-written.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from llminit.arrays import FloatArray, IntArray
from llminit.checksums import sha256_of, sha256_of_json
from llminit.errors import EmbeddingError, StorageError
from llminit.locks import HeldError, exclusive_lock
from llminit.progress import SILENT, Reporter
from llminit.storage import remove, replacing_file
from llminit.text.encoder import Identity
from llminit.text.parts import PART_PATTERN, DamagedPartError, Part, part_path, read_hashes, read_part, write_part

LEFTOVER_SECONDS = 24 * 3600
LEFTOVER_PATTERNS = (".*.partial*", ".orders-*")


@dataclass(frozen=True)
class EncodingCache:
    """A folder that holds the vectors of any number of encoders."""

    folder: Path
    """Created when something is written to it."""

    def section(self, identity: Identity) -> "CacheSection":
        """Open the part of the cache that belongs to one encoder.

        Raises:
            EmbeddingError: The identity cannot be written as JSON.
            StorageError: The cache cannot be written.
        """
        section = CacheSection(Path(self.folder) / section_name(identity))
        section.label(identity)
        return section


def section_name(identity: Identity) -> str:
    """Return the name of an encoder's folder, made of what the encoder says of itself.

    Raises:
        EmbeddingError: The identity cannot be written as JSON.
    """
    return sha256_of(_as_json(identity))[:32]


def _as_json(identity: Identity) -> str:
    try:
        return json.dumps(identity, sort_keys=True, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise EmbeddingError(
            f"the encoder's identity() cannot be written as JSON ({error}); it must return a dictionary of names "
            "and strings, numbers or truth values"
        ) from error


@dataclass(frozen=True)
class CacheSection:
    """The vectors of one encoder."""

    folder: Path

    @property
    def encoder(self) -> str:
        """The name of the encoder's folder."""
        return self.folder.name

    def label(self, identity: Identity) -> None:
        """Write the identity beside the vectors, to make the folder readable for people; remove what kills left."""
        path = self.folder / "identity.json"
        if not path.exists():
            with replacing_file(path) as temporary:
                temporary.write_text(_as_json(identity), encoding="utf-8")
        self._remove_leftovers()

    def names(self) -> list[str]:
        """Return the names of all parts, sorted."""
        return sorted(path.name for path in self.folder.glob(PART_PATTERN))

    def name_of(self, key: str) -> str:
        """Return the name of the part that a shard's vectors are in, or will be."""
        return part_path(self.folder, key).name

    def has(self, name: str) -> bool:
        """Return whether there is such a part."""
        return (self.folder / name).exists()

    def hashes(self, name: str, reporter: Reporter = SILENT) -> tuple[NDArray[np.uint8], int] | None:
        """Return the hashes of a part's texts and its width; None if it is not there, or was damaged and removed."""
        try:
            return read_hashes(self.folder / name)
        except FileNotFoundError:
            return None
        except DamagedPartError as error:
            self.discard(name, str(error), reporter)
            return None

    def read(self, name: str, reporter: Reporter = SILENT) -> Part | None:
        """Return a part after checking all of it; None if it is not there, or was damaged and removed."""
        try:
            return read_part(self.folder / name)
        except FileNotFoundError:
            return None
        except DamagedPartError as error:
            self.discard(name, str(error), reporter)
            return None

    def rows(self, name: str, rows: IntArray) -> FloatArray:
        """Return some vectors of a part that was checked before, without reading the others."""
        with safe_open(self.folder / name, framework="numpy") as file:
            if 2 * len(rows) >= (found := file.get_slice("embeddings")).get_shape()[0]:
                whole: FloatArray = file.get_tensor("embeddings")
                return whole[rows]
            return np.concatenate([found[int(row) : int(row) + 1] for row in rows])

    def discard(self, name: str, reason: str, reporter: Reporter) -> None:
        """Remove a part that cannot be used, and say so."""
        path = self.folder / name
        reporter.note(f"the cache file {path} is damaged ({reason}); it is removed and its texts are encoded again")
        with contextlib.suppress(OSError):
            path.unlink()

    def write(self, key: str, part: Part) -> None:
        """Add a shard's vectors, durably and as a whole.

        Raises:
            StorageError: The cache cannot be written.
        """
        write_part(self.folder, part, key)

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Keep other processes from encoding the same shard; False if one of them does that now."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(exclusive_lock(self.folder / f".{key}.lock", "another process encodes this shard"))
            except HeldError:
                yield False
                return
            except StorageError:
                pass  # A file system without locks: two processes may do the same work, and both write the same.
            yield True

    def sources(self, catalogue: str) -> list[str] | None:
        """Return which parts were there before a catalogue was encoded; None if it never was, or that is not known."""
        try:
            content = json.loads((self.folder / f"catalogue-{catalogue}.json").read_text(encoding="utf-8"))
            names: list[str] = content["sources"]
            return names if content["sha256"] == sha256_of_json(names, ensure_ascii=True) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, catalogue: str, sources: Sequence[str]) -> None:
        """Keep for later runs which parts were there before a catalogue was encoded.

        Raises:
            StorageError: The cache cannot be written.
        """
        content = {"sources": list(sources), "sha256": sha256_of_json(list(sources), ensure_ascii=True)}
        with replacing_file(self.folder / f"catalogue-{catalogue}.json") as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")

    def _remove_leftovers(self) -> None:
        """Remove temporary files of killed processes, but not those that other processes are writing now."""
        limit = time.time() - LEFTOVER_SECONDS
        for path in (path for pattern in LEFTOVER_PATTERNS for path in self.folder.glob(pattern)):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    remove(path)
