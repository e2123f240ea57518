"""The encoding cache: vectors kept on disk between runs.

Each encoder identity has its own folder with any number of part files (see `parts`). Parts are only ever added as a
whole or removed, and their names are unique, so several processes can share a cache, and a killed one leaves nothing
half-written.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.checksums import sha256_of
from llminit.errors import EmbeddingError
from llminit.progress import SILENT, Reporter
from llminit.storage import remove, replacing_file
from llminit.text.encoder import Identity
from llminit.text.parts import HASH_BYTES, PART_PATTERN, DamagedPartError, Part, read_part, write_part

MAX_SMALL_PARTS = 64
SMALL_PART_BYTES = 16 * 2**20
LEFTOVER_SECONDS = 24 * 3600


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
        try:
            text = json.dumps(identity, sort_keys=True, ensure_ascii=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise EmbeddingError(
                f"the encoder's identity() cannot be written as JSON ({error}); it must return a dictionary of names "
                "and strings, numbers or truth values"
            ) from error
        section = CacheSection(Path(self.folder) / sha256_of(text)[:32])
        section.label(text)
        return section


@dataclass(frozen=True)
class CacheSection:
    """The vectors of one encoder."""

    folder: Path

    def label(self, identity: str) -> None:
        """Write the identity beside the vectors, to make the folder readable for people."""
        path = self.folder / "identity.json"
        if not path.exists():
            with replacing_file(path) as temporary:
                temporary.write_text(identity, encoding="utf-8")

    def read(self, hashes: Sequence[bytes], reporter: Reporter = SILENT) -> tuple[IntArray, FloatArray]:
        """Look up texts by their hashes.

        Args:
            hashes: `hash_of` each text, without duplicates.
            reporter: Receives notes about damaged parts, which are removed.

        Returns:
            The positions in `hashes` of the texts in the cache, int64 of shape (m,) ascending, and their vectors,
            float32 of shape (m, D).
        """
        position_of = {text_hash: position for position, text_hash in enumerate(hashes)}
        positions, blocks = [np.zeros(0, dtype=np.int64)], []
        for part in self._all_parts(reporter):
            rows = np.array([position_of.get(text_hash, -1) for text_hash in part.text_hashes()], dtype=np.int64)
            positions.append(rows[rows >= 0])
            blocks.append(part.embeddings[rows >= 0])
        # The same text may be in two parts, when two processes encoded it at the same time.
        cached, first = np.unique(np.concatenate(positions), return_index=True)
        values = np.concatenate(blocks)[first] if blocks else np.zeros((0, 0), dtype=np.float32)
        return cached.astype(np.int64), values

    def write(self, hashes: Sequence[bytes], embeddings: FloatArray, reporter: Reporter = SILENT) -> None:
        """Add vectors, durably; once there are many small parts, merge them.

        Args:
            hashes: `hash_of` each text, of length n.
            embeddings: float32 of shape (n, D).
            reporter: Receives notes about damaged parts, which are removed.

        Raises:
            StorageError: The cache cannot be written.
        """
        keys = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, HASH_BYTES)
        write_part(self.folder, Part(keys, embeddings))
        small = [path for path in self.folder.glob(PART_PATTERN) if _size(path) < SMALL_PART_BYTES]
        if len(small) > MAX_SMALL_PARTS:
            self._merge(small, reporter)

    def _merge(self, paths: list[Path], reporter: Reporter) -> None:
        """Merge parts into one; a kill in between leaves duplicates, which are harmless."""
        read = [(path, part) for path in paths if (part := _read_or_remove(path, reporter)) is not None]
        widths = [part.embeddings.shape[1] for _, part in read]
        mergeable = [entry for entry, width in zip(read, widths, strict=True) if width == widths[-1]]
        if len(mergeable) > 1:
            hashes = np.concatenate([part.hashes for _, part in mergeable])
            embeddings = np.concatenate([part.embeddings for _, part in mergeable])
            _, first = np.unique(hashes, axis=0, return_index=True)
            write_part(self.folder, Part(hashes[first], embeddings[first]))
            for path, _ in mergeable:
                path.unlink(missing_ok=True)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove temporary files of killed processes, but not those that other processes are writing now."""
        limit = time.time() - LEFTOVER_SECONDS
        for path in self.folder.glob(".*.partial*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    remove(path)

    def _all_parts(self, reporter: Reporter) -> Iterator[Part]:
        width = None
        visited: set[Path] = set()
        # Repeated until there are no new parts, because another process may merge parts while they are read.
        while paths := sorted(set(self.folder.glob(PART_PATTERN)) - visited):
            visited.update(paths)
            for path in paths:
                part = _read_or_remove(path, reporter)
                if part is None:
                    continue
                width = width or part.embeddings.shape[1]
                if part.embeddings.shape[1] == width:
                    yield part
                else:
                    _remove(path, f"its width is {part.embeddings.shape[1]}, that of the others {width}", reporter)


def hash_of(text: str) -> bytes:
    """Return the first 16 bytes of the SHA-256 of a text's UTF-8."""
    return bytes.fromhex(sha256_of(text.encode("utf-8", errors="surrogatepass")))[:HASH_BYTES]


def _read_or_remove(path: Path, reporter: Reporter) -> Part | None:
    try:
        return read_part(path)
    except FileNotFoundError:
        return None
    except DamagedPartError as error:
        _remove(path, str(error), reporter)
        return None


def _remove(path: Path, reason: str, reporter: Reporter) -> None:
    reporter.note(f"the cache file {path} is damaged ({reason}); it is removed and its texts are encoded again")
    with contextlib.suppress(OSError):
        path.unlink()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return SMALL_PART_BYTES
