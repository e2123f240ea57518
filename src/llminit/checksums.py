"""SHA-256 of files, of values and of JSON; nothing is hashed anywhere else.

Results, recommenders, caches and downloads hold digests that were made here. What is hashed, and in which form, must
not change: a different digest makes what an earlier version wrote unreadable.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from llminit.arrays import AnyArray


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(*parts: str | bytes | AnyArray) -> str:
    """Return the SHA-256 of all parts as one sequence of bytes, in hexadecimal.

    No separator is added between parts, and of an array only the values are hashed. Where different inputs could give
    the same bytes, pass separators, and the array's type and shape, as parts as well.

    Args:
        parts: Text, taken as UTF-8; bytes; or arrays, taken in C order whatever their order in memory.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else _bytes_of(part))
    return digest.hexdigest()


def sha256_of_json(value: Any, *, ensure_ascii: bool) -> str:
    r"""Return the SHA-256 of a value as JSON with sorted keys, in hexadecimal.

    Args:
        value: A value that can be written as JSON.
        ensure_ascii: Whether non-ASCII characters are written as \\uXXXX. Documents of both kinds exist, so the
            caller chooses.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    return sha256_of(json.dumps(value, sort_keys=True, ensure_ascii=ensure_ascii, allow_nan=False))


def _bytes_of(part: bytes | AnyArray) -> bytes | memoryview:
    # The array's memory is read without a copy. It is viewed as bytes because some dtypes, such as dates, have no
    # buffer interface.
    return part if isinstance(part, bytes) else np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
