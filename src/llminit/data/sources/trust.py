"""Checks of downloads: by a known digest, or else by the digest of the first download, which is recorded beside it.

A recorded digest shows damage and later changes. It cannot show whether the first download was the right file.
"""

from contextlib import suppress
from pathlib import Path

from llminit.checksums import sha256_of_file
from llminit.errors import StorageError
from llminit.progress import SILENT, Reporter
from llminit.recorded_digests import record_digest, record_of


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
