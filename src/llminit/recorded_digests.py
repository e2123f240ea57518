"""The SHA-256 of a file in a second file beside it, in the format that `sha256sum --check` reads."""

import re
from pathlib import Path

from llminit.storage import replacing_file


def record_of(path: Path) -> Path:
    """Return the path of the recorded digest."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str | None:
    """Return the recorded SHA-256 of a file, or None without a valid record."""
    try:
        match = re.match(r"[0-9a-f]{64}\b", record_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return match[0] if match else None


def record_digest(path: Path, sha256: str) -> None:
    """Write a file's SHA-256 beside it.

    Raises:
        StorageError: It cannot be written.
    """
    with replacing_file(record_of(path)) as temporary:
        temporary.write_text(f"{sha256}  {path.name}\n", encoding="utf-8")
