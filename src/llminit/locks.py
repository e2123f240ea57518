"""One process at a time, by a lock that the system lets go of when its holder ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from llminit.errors import StorageError


@contextmanager
def only_one(lock_file: Path, refusal: str) -> Iterator[None]:
    """Hold a lock while the block runs; whoever else asks for it meanwhile, a thread too, is refused at once.

    The lock belongs to the system (`flock`, on Windows `LockFileEx`) and not to the file: a file that a killed process
    left behind keeps nobody out, and is removed by the next holder when it is done.

    What this cannot do: it keeps out those that ask, not other programs. On NFS and other network file systems it holds
    between machines only if the server and all of them are set up for locks, and a machine that loses its connection
    may lose the lock without a word. A file system without locks is an error and not a lock that does nothing.

    Args:
        lock_file: A file for nothing else. Folders on its way are made, and at the end removed if they are empty.
        refusal: What to say where another holds the lock, and what to do about it.

    Raises:
        StorageError: Another holds the lock, the lock file cannot be written, or its file system has no locks.
    """
    # The working folder may change before the file is removed.
    lock_file = lock_file.absolute()
    new_folders = _make_folders(lock_file)
    try:
        with _locked(lock_file, refusal):
            yield
    finally:
        for folder in new_folders:
            with suppress(OSError):  # It holds what the work has made.
                folder.rmdir()


def _make_folders(lock_file: Path) -> list[Path]:
    """Make the folders that are missing and return them, the innermost first."""
    try:
        missing = [folder for folder in lock_file.parents if not folder.exists()]
        lock_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(lock_file, error) from error
    return missing


@contextmanager
def _locked(lock_file: Path, refusal: str) -> Iterator[None]:
    # Where there are no locks, filelock would fall back to a file that outlives a killed process.
    lock = FileLock(lock_file, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, FileNotFoundError) as error:  # Or its last holder has just removed the folder.
        raise StorageError(refusal) from error
    except OSError as error:
        raise _cannot_write(lock_file, error) from error
    try:
        yield
    finally:
        # Removed while it is held, so that nobody holds a lock on a file that goes. Windows refuses to remove an open
        # file; there filelock does so afterwards.
        with suppress(OSError):
            lock_file.unlink()
        lock.release()


def _cannot_write(lock_file: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write and lock {lock_file}: {error}; free some space, check the permissions, or choose another place, "
        "on a file system that has locks"
    )
