"""A lock that only one process holds at a time; the system releases it when the process ends, even by a kill."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from llminit.errors import StorageError


class HeldError(StorageError):
    """Another process holds the lock."""


@contextmanager
def exclusive_lock(lock_file: Path, refusal: str) -> Iterator[None]:
    """Hold a lock while the block runs; other processes and threads that try to take it fail at once.

    The lock belongs to the system (`flock`, on Windows `LockFileEx`) and not to the file: a file that a killed process
    left behind locks nothing, and the next holder removes it when it is done.

    Limits: the lock is advisory, so programs that do not take it are not kept out. On NFS and other network file
    systems it holds between machines only if the server and all clients support locks, and a client that loses its
    connection may lose the lock silently. A file system without locks raises an error.

    Args:
        lock_file: A file that is used for nothing else. Missing parent folders are created, and removed at the end if
            they are empty.
        refusal: The error message if another process holds the lock, with what to do about it.

    Raises:
        HeldError: Another process holds the lock.
        StorageError: The lock file cannot be written, or its file system has no locks.
    """
    # The working folder may change before the file is removed.
    lock_file = lock_file.absolute()
    new_folders = _make_folders(lock_file)
    try:
        with _locked(lock_file, refusal):
            yield
    finally:
        for folder in new_folders:
            with suppress(OSError):  # Not empty: it holds results.
                folder.rmdir()


def _make_folders(lock_file: Path) -> list[Path]:
    """Create the missing parent folders and return them, the innermost first."""
    try:
        missing = [folder for folder in lock_file.parents if not folder.exists()]
        lock_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(lock_file, error) from error
    return missing


@contextmanager
def _locked(lock_file: Path, refusal: str) -> Iterator[None]:
    # Without locks, filelock would fall back to a file that stays behind when a process is killed.
    lock = FileLock(lock_file, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, FileNotFoundError) as error:  # Not found: its last holder has just removed the folder.
        raise HeldError(refusal) from error
    except OSError as error:
        raise _cannot_write(lock_file, error) from error
    try:
        yield
    finally:
        # Removed while the lock is held, so that no other process locks a file that is about to be removed. Windows
        # refuses to remove an open file; there filelock removes it afterwards.
        with suppress(OSError):
            lock_file.unlink()
        lock.release()


def _cannot_write(lock_file: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write and lock {lock_file}: {error}; free some space, check the permissions, or choose another path, "
        "on a file system that has locks"
    )
