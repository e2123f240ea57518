"""One comparison at a time in a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llminit.errors import StorageError


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep other comparisons out of a folder; the system lets go of the lock when the process ends, however it ends.

    Where the system has no such locks, nothing is kept out.

    Args:
        folder: Where the lock file is; it is created if it does not exist.

    Raises:
        StorageError: Another comparison runs there, or the lock file cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # Windows has none.
        yield
        return
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}; check the permissions or choose another folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it removes it at the end, perhaps between the opening and the locking here.
            is_there = path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except BlockingIOError:
            is_there = False
        if not is_there:
            raise StorageError(
                f"another `llminit compare` is at work in {folder}; wait until it is done, or choose another folder"
            )
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
