"""What a download must be: by a digest that is known, or else by that of the first download, which is kept beside it.

The second way notices damage and later changes. It cannot tell whether the first download was the right file.
"""

import re
from contextlib import suppress
from pathlib import Path

from llminit.checksums import sha256_of_file
from llminit.errors import StorageError
from llminit.progress import SILENT, Reporter
from llminit.storage import replacing_file


def record_of(path: Path) -> Path:
    """Return the file that holds the digest of the first download, in the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str | None:
    """Return the SHA-256 of the first download, or None where none is recorded in a form that can be used."""
    try:
        found = re.match(r"[0-9a-f]{64}\b", record_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found[0] if found else None


def record_digest(path: Path, sha256: str) -> None:
    """Keep a download's SHA-256 beside it.

    Raises:
        StorageError: It cannot be written.
    """
    with replacing_file(record_of(path)) as temporary:
        temporary.write_text(f"{sha256}  {path.name}\n", encoding="utf-8")


def is_sound(path: Path, expected: str | None, reporter: Reporter = SILENT) -> bool:
    """Check a file that is there already; one that is not what it must be is removed, with a note.

    Args:
        path: The file.
        expected: Its SHA-256; None where nothing is known of it yet, then what is found is recorded.
        reporter: Told of what is removed.

    Raises:
        StorageError: The file cannot be removed.
    """
    found = sha256_of_file(path)
    if expected is None:
        with suppress(StorageError):  # A cache that cannot be written can be used.
            record_digest(path, found)
        return True
    if found != expected:
        reporter.note(
            f"{path} is damaged or of another version (SHA-256 {found}, expected {expected}); it is removed and "
            "fetched again"
        )
        _remove(path)
    return found == expected


def forget(path: Path) -> None:
    """Remove a download that cannot be used, and the digest that was recorded of it, so that another one may come.

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
