"""Which texts of a catalogue are encoded together, and where each one's vector is.

A shard is a fixed number of consecutive texts that no earlier part has (fewer in a small table); within a window of
several shards, texts of similar lengths go together, so that batches need little padding. The cut follows from the
catalogue and from which parts were there before it was encoded first, which is kept. So it is the same after a kill,
with any engine and any number of workers: each text is always encoded beside the same others, which decides the last
bits of its vector.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llminit.arrays import IntArray
from llminit.checksums import sha256_of
from llminit.progress import Reporter
from llminit.text.cache import CacheSection
from llminit.text.catalogue import Catalogue, Hashes, located

SHARD_SIZE = 512
MIN_SHARD_SIZE = 128
WINDOW_SHARDS = 16


@dataclass(frozen=True, eq=False)
class Shard:
    """The unit of work: some texts in, one part out.

    Attributes:
        key: Made of the encoder and the texts; it names the part.
        texts: int64, which distinct texts of the catalogue, in the part's order.
    """

    key: str
    texts: IntArray


@dataclass(frozen=True, eq=False)
class Plan:
    """Where the vector of each of m distinct texts is, or will be.

    Attributes:
        shards: What is, or was, to be encoded.
        parts: Names of the parts: earlier ones, then one a shard.
        part_of: int32 of shape (m,), the index of each text's part.
        row_of: int32 of shape (m,), its row there.
        width: Columns of the earlier parts that are used; None without such.
    """

    shards: list[Shard]
    parts: list[str]
    part_of: NDArray[np.int32]
    row_of: NDArray[np.int32]
    width: int | None

    @property
    def n_earlier(self) -> int:
        """How many of the parts are earlier ones."""
        return len(self.parts) - len(self.shards)


def make_plan(catalogue: Catalogue, section: CacheSection, shard_size: int, reporter: Reporter) -> Plan:
    """Cut what no earlier part has into shards, in the same way as an earlier run with these texts did.

    Raises:
        StorageError: The cache cannot be written.
    """
    key = catalogue.key(shard_size)
    # Listed before it is asked whether another process has begun: then none of that one's shards are among them.
    present = section.names()
    sources = section.sources(key)
    found = None if sources is None else _index(section, sources, reporter)
    if sources is None or found is None or found.is_incomplete:
        found = _index(section, present, reporter)
        section.remember(key, found.names)
    place = located(catalogue.hashes, found.hashes)
    shards = cut(catalogue, np.flatnonzero(place < 0), shard_size, section.encoder)
    part_of = np.where(place >= 0, found.part_of[place] if len(found.part_of) else -1, -1).astype(np.int32)
    row_of = np.where(place >= 0, found.row_of[place] if len(found.row_of) else -1, -1).astype(np.int32)
    for index, shard in enumerate(shards):
        part_of[shard.texts] = len(found.names) + index
        row_of[shard.texts] = np.arange(len(shard.texts))
    names = [*found.names, *(section.name_of(shard.key) for shard in shards)]
    return Plan(shards, names, part_of, row_of, found.width)


def cut(catalogue: Catalogue, texts: IntArray, shard_size: int, encoder: str) -> list[Shard]:
    """Cut texts into shards, the longest of each window first; a small table into smaller ones, for every worker."""
    smaller = max(MIN_SHARD_SIZE, -(-len(texts) // WINDOW_SHARDS))
    shard_size, shards = min(shard_size, smaller), []
    for start in range(0, len(texts), shard_size * WINDOW_SHARDS):
        window = texts[start : start + shard_size * WINDOW_SHARDS]
        window = window[np.argsort(-catalogue.lengths[window], kind="stable")]
        for first in range(0, len(window), shard_size):
            members = window[first : first + shard_size]
            shards.append(Shard(shard_key(encoder, catalogue.hashes[members]), members))
    return shards


def shard_key(encoder: str, hashes: Hashes) -> str:
    """Return the key of a shard: a digest of the name of the encoder's folder and of the texts in their order."""
    return sha256_of(encoder, hashes)[:32]


@dataclass(frozen=True, eq=False)
class _Index:
    """The texts of some parts: their hashes, and for each the index of its part in `names` and its row there."""

    names: list[str]
    hashes: Hashes
    part_of: NDArray[np.int32]
    row_of: NDArray[np.int32]
    width: int | None
    is_incomplete: bool


def _index(section: CacheSection, names: list[str], reporter: Reporter) -> _Index:
    """Read which texts parts hold; parts of another width than the first are removed, and so are damaged ones."""
    kept: list[str] = []
    blocks: list[Hashes] = []
    width: int | None = None
    for name in names:
        if (read := section.hashes(name, reporter)) is None:
            continue
        if width not in (None, read[1]):
            section.discard(name, f"its width is {read[1]}, that of the others {width}", reporter)
            continue
        width = read[1]
        kept.append(name)
        blocks.append(read[0])
    sizes = np.array([len(block) for block in blocks], dtype=np.int64)
    hashes = np.concatenate(blocks) if blocks else np.zeros((0, 16), dtype=np.uint8)
    part_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    row_of = (np.arange(len(hashes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)).astype(np.int32)
    return _Index(kept, hashes, part_of, row_of, width, is_incomplete=len(kept) < len(names))
