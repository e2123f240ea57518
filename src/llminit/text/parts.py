"""One file of the encoding cache: vectors with the hashes of their texts and a checksum of both."""

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
    """A part is damaged; the cache removes it, and its texts are encoded again."""


@dataclass(frozen=True, eq=False)
class Part:
    """Vectors and the hashes of their texts.

    Attributes:
        hashes: uint8 of shape (n, 16), the first bytes of the SHA-256 of each text.
        embeddings: float32 of shape (n, D).
    """

    hashes: NDArray[np.uint8]
    embeddings: FloatArray

    def text_hashes(self) -> list[bytes]:
        """Return the hashes as bytes, one a row."""
        content = self.hashes.tobytes()
        return [content[start : start + HASH_BYTES] for start in range(0, len(content), HASH_BYTES)]


def write_part(folder: Path, part: Part) -> Path:
    """Write a part atomically, under a new name.

    Raises:
        StorageError: The file cannot be written.
    """
    path = folder / f"part-{uuid4().hex}.safetensors"
    tensors = {"hashes": np.ascontiguousarray(part.hashes), "embeddings": np.ascontiguousarray(part.embeddings)}
    with replacing_file(path) as temporary:
        save_file(tensors, temporary, metadata={"sha256": _checksum(part)})
    return path


def read_part(path: Path) -> Part:
    """Read a part and check it.

    Raises:
        FileNotFoundError: It does not exist, because another process has merged it with others.
        DamagedPartError: It is truncated, changed, or not a part.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            part = Part(file.get_tensor("hashes"), file.get_tensor("embeddings"))
            expected = (file.metadata() or {}).get("sha256")
    except FileNotFoundError:
        raise
    except READ_ERRORS as error:
        raise DamagedPartError(str(error)) from error
    if not _is_well_formed(part.hashes, part.embeddings):
        raise DamagedPartError("its arrays do not have the expected types and shapes")
    if _checksum(part) != expected:
        raise DamagedPartError("its checksum does not match")
    return part


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
