"""Writing that is all or nothing: under a temporary name first, then moved into place."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from polars.exceptions import PolarsError
from safetensors import SafetensorError

from llminit.errors import StorageError

WRITE_ERRORS = (OSError, SafetensorError, PolarsError)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it becomes `path`, else it is removed.

    Args:
        path: The file to create or to replace. Its folder is created if it does not exist.

    Raises:
        StorageError: The file cannot be written (a full disk, no permission); `path` is as it was before.
    """
    temporary = _temporary_beside(path)
    with _cleaning_up(path, temporary):
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary empty folder beside `path`; when the block ends well, it becomes `path`, else it is removed.

    Args:
        path: The folder to create or to replace, with all that it holds.

    Raises:
        StorageError: The folder cannot be written; `path` is as it was before.
    """
    temporary = _temporary_beside(path)
    with _cleaning_up(path, temporary):
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush_to_disk(file)
        _swap_folder(temporary, path)


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary_beside(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_error(path, error) from error
    # The ending stays last, because writers choose a format by it.
    return path.with_name(f".{path.stem}.{uuid4().hex[:8]}.partial{path.suffix}")


@contextmanager
def _cleaning_up(path: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except WRITE_ERRORS as error:
        if isinstance(error, StorageError):
            raise
        raise _storage_error(path, error) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _swap_folder(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    old = _temporary_beside(path)
    path.rename(old)
    temporary.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _storage_error(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"cannot write {path}: {error}; nothing was changed there. Free some space, check the permissions or choose "
        "another place, then run the same command again"
    )
