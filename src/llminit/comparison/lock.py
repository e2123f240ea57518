"""One comparison at a time in a folder."""

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
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StorageError(
                    f"another `llminit compare` is at work in {folder}; wait until it is done, or choose another folder"
                ) from None
            try:
                yield
            finally:
                with suppress(OSError):
                    path.unlink()
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot write {path}: {error}; check the permissions or choose another folder") from error
