"""One file of the encoding cache: the vectors of a shard, with the hashes of its texts and a checksum of both.

A part says of itself whose it is and what it holds, so that writing it, one rename, is the whole commit of a shard.
Safetensors rather than Parquet: rows of float32 do not compress, and any of them can be read alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from llminit.arrays import FloatArray
from llminit.checksums import sha256_of
from llminit.storage import replacing_file

HASH_BYTES = 16
PART_PATTERN = "part-*.safetensors"
READ_ERRORS = (OSError, SafetensorError, ValueError, KeyError, TypeError, OverflowError)


class DamagedPartError(Exception):
    """A part is damaged or belongs to another encoder; the cache removes it, and its texts are encoded again."""


@dataclass(frozen=True, eq=False)
class Part:
    """Vectors and the hashes of their texts.

    Attributes:
        hashes: uint8 of shape (n, 16), the first bytes of the SHA-256 of each text.
        embeddings: float32 of shape (n, D).
    """

    hashes: NDArray[np.uint8]
    embeddings: FloatArray


def write_part(folder: Path, part: Part, key: str | None = None) -> Path:
    """Write a part atomically.

    Args:
        folder: That of an encoder; its name is written into the part.
        part: What to write.
        key: The shard's key, which names the part; None takes a new name.

    Raises:
        StorageError: The file cannot be written.
    """
    path = part_path(folder, key or uuid4().hex)
    tensors = {"hashes": np.ascontiguousarray(part.hashes), "embeddings": np.ascontiguousarray(part.embeddings)}
    with replacing_file(path) as temporary:
        save_file(tensors, temporary, metadata={"sha256": _checksum(part), "encoder": folder.name})
    return path


def part_path(folder: Path, key: str) -> Path:
    """Return where the part of a shard is, or will be."""
    return folder / f"part-{key}.safetensors"


def read_part(path: Path) -> Part:
    """Read a part and check all of it.

    Raises:
        FileNotFoundError: It does not exist.
        DamagedPartError: It is truncated, changed, not a part, or from another encoder.
    """
    with _opened(path) as file:
        part = Part(file.get_tensor("hashes"), file.get_tensor("embeddings"))
        expected = (file.metadata() or {}).get("sha256")
    if not _is_well_formed(part.hashes, part.embeddings):
        raise DamagedPartError("its arrays do not have the expected types and shapes")
    if _checksum(part) != expected:
        raise DamagedPartError("its checksum does not match")
    return part


def read_hashes(path: Path) -> tuple[NDArray[np.uint8], int]:
    """Read only the hashes of a part's texts, uint8 of shape (n, 16), and the width of its vectors.

    Raises:
        FileNotFoundError: It does not exist.
        DamagedPartError: It cannot be read, or is from another encoder.
    """
    with _opened(path) as file:
        hashes, (n_rows, width) = file.get_tensor("hashes"), file.get_slice("embeddings").get_shape()
    if hashes.dtype != np.uint8 or hashes.shape != (n_rows, HASH_BYTES) or not width:
        raise DamagedPartError("its arrays do not have the expected types and shapes")
    return hashes, width


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            encoder = (file.metadata() or {}).get("encoder", path.parent.name)
            if encoder != path.parent.name:
                raise DamagedPartError(f"it is from another encoder, whose folder is {encoder}")
            yield file
    except FileNotFoundError:
        raise
    except READ_ERRORS as error:
        raise DamagedPartError(str(error)) from error


def _is_well_formed(hashes: NDArray[Any], embeddings: NDArray[Any]) -> bool:
    return (
        hashes.dtype == np.uint8
        and embeddings.dtype == np.float32
        and hashes.ndim == embeddings.ndim == 2
        and hashes.shape == (len(embeddings), HASH_BYTES)
        and embeddings.shape[1] > 0
    )


def _checksum(part: Part) -> str:
    return sha256_of(repr(part.embeddings.shape), part.hashes, part.embeddings)
