"""Checks of downloads: by a known digest, or else by the digest of the first download, which is recorded beside it.

A recorded digest shows damage and later changes. It cannot show whether the first download was the right file.
"""

import re
from contextlib import suppress
from pathlib import Path

from llminit.checksums import sha256_of_file
from llminit.errors import StorageError
from llminit.progress import SILENT, Reporter
from llminit.storage import replacing_file


def record_of(path: Path) -> Path:
    """Return the path of the recorded digest, in the format that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str | None:
    """Return the SHA-256 of the first download, or None without a valid record."""
    try:
        match = re.match(r"[0-9a-f]{64}\b", record_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return match[0] if match else None


def record_digest(path: Path, sha256: str) -> None:
    """Write a download's SHA-256 beside it.

    Raises:
        StorageError: It cannot be written.
    """
    with replacing_file(record_of(path)) as temporary:
        temporary.write_text(f"{sha256}  {path.name}\n", encoding="utf-8")


def is_sound(path: Path, expected: str | None, reporter: Reporter = SILENT) -> bool:
    """Check an existing file's digest; a file with another digest is removed, with a note.

    Args:
        path: The file.
        expected: Its SHA-256; None if it is unknown, then the file's digest is recorded.
        reporter: Receives a note if the file is removed.

    Raises:
        StorageError: The file cannot be removed.
    """
    digest = sha256_of_file(path)
    if expected is None:
        with suppress(StorageError):  # A cache that cannot be written can still be read.
            record_digest(path, digest)
        return True
    if digest != expected:
        reporter.note(
            f"{path} is damaged or of another version (SHA-256 {digest}, expected {expected}); it is removed and "
            "fetched again"
        )
        _remove(path)
    return digest == expected


def forget(path: Path) -> None:
    """Remove a download that cannot be used, and its recorded digest, so that it can be fetched again.

    Raises:
        StorageError: It cannot be removed.
    """
    _remove(path)
    _remove(record_of(path))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove {path}: {error}; remove it by hand and run this again") from error
