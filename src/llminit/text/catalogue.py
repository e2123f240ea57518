"""The texts of a table by their hashes: which of them are the same, and in which order they first come."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llminit.arrays import IntArray
from llminit.checksums import sha256_of
from llminit.text.parts import HASH_BYTES

TextBatches = Callable[[], Iterable[Sequence[str]]]
"""Gives the same texts in the same order at every call, a batch at a time."""

Hashes = NDArray[np.uint8]

BLOCK_ROWS = 1_000_000


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What is kept of n texts after they were read once, about 40 bytes a text; m of them are distinct.

    Attributes:
        hashes: uint8 of shape (m, 16), of the distinct texts in the order in which they first come.
        lengths: int32 of shape (m,), their letters.
        distinct_of: int64 of shape (n,), the row of `hashes` of each text.
    """

    hashes: Hashes
    lengths: NDArray[np.int32]
    distinct_of: IntArray

    def key(self, shard_size: int) -> str:
        """Return a name of these texts, cut into shards of this size."""
        return sha256_of(str(shard_size), ":", self.hashes)[:32]


def read_catalogue(batches: TextBatches) -> Catalogue:
    """Read all texts once and keep their hashes."""
    hashes, lengths = [np.zeros((0, HASH_BYTES), dtype=np.uint8)], [np.zeros(0, dtype=np.int32)]
    for batch in batches():
        hashes.append(hashes_of(batch))
        lengths.append(np.fromiter(map(len, batch), dtype=np.int32, count=len(batch)))
    every = np.concatenate(hashes)
    first, distinct_of = _first_and_rank(every)
    return Catalogue(every[first], np.concatenate(lengths)[first], distinct_of)


def hashes_of(texts: Sequence[str]) -> Hashes:
    """Return the hash of each text, uint8 of shape (n, 16)."""
    return np.frombuffer(b"".join(map(hash_of, texts)), dtype=np.uint8).reshape(-1, HASH_BYTES)


def hash_of(text: str) -> bytes:
    """Return the first 16 bytes of the SHA-256 of a text's UTF-8."""
    return bytes.fromhex(sha256_of(text.encode("utf-8", errors="surrogatepass")))[:HASH_BYTES]


def located(wanted: Hashes, known: Hashes) -> IntArray:
    """Return where each wanted hash first is among the known ones, int64 of shape (len(wanted),); -1 if it is not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    haystack, needles = _as_keys(known), _as_keys(wanted)
    order = np.argsort(haystack, kind="stable")
    places = np.searchsorted(haystack, needles, sorter=order)
    found = order[np.minimum(places, len(order) - 1)]
    return np.where(haystack[found] == needles, found, -1).astype(np.int64)


def _first_and_rank(hashes: Hashes) -> tuple[IntArray, IntArray]:
    """Return where each distinct hash first is, ascending, and for each row which of these is its own."""
    if not len(hashes):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = _as_keys(hashes)
    order = np.argsort(keys, kind="stable")
    # By blocks, as a sorted copy of the keys would take more memory than all else here.
    begins = np.ones(len(keys), dtype=np.bool_)
    for start in range(1, len(keys), BLOCK_ROWS):
        block = order[start - 1 : start + BLOCK_ROWS]
        begins[start : start + BLOCK_ROWS] = keys[block[1:]] != keys[block[:-1]]
    # The sort keeps the order of equal keys: the first of each group is the one that comes first.
    first_of_row = np.empty_like(order)
    first_of_row[order] = np.repeat(order[begins], np.diff(np.flatnonzero(np.append(begins, True))))
    first = np.flatnonzero(first_of_row == np.arange(len(keys)))
    return first, np.searchsorted(first, first_of_row)


def _as_keys(hashes: Hashes) -> NDArray[np.bytes_]:
    # Bytes of one length, which numpy compares as such: what it takes for padding, a zero at the end, all of them have.
    return np.ascontiguousarray(hashes).view(f"S{HASH_BYTES}").reshape(-1)
