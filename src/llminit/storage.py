"""Atomic writes: files and folders are written under a temporary name and then renamed."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from glob import escape
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np
from polars.exceptions import PolarsError
from safetensors import SafetensorError

from llminit.arrays import AnyArray
from llminit.errors import StorageError
from llminit.exchange import exchanged
from llminit.out_paths import resolved_out

# The umask can only be read by setting it; this is done once, at import, before other threads create files.
_UMASK = os.umask(0o022)
os.umask(_UMASK)

WRITE_ERRORS = (OSError, SafetensorError, PolarsError)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; it replaces `path` if the block succeeds, and is removed otherwise.

    Args:
        path: The file to create or replace. Its folder is created if it does not exist.

    Raises:
        StorageError: The file cannot be written (a full disk, no permission); `path` is as it was before.
    """
    if resolved_out(path).is_dir():
        raise StorageError(f"cannot write {path}: it is a folder, expected the name of a file; choose another path")
    # In a temporary folder, because some writers put temporary files beside their output and may be killed.
    folder = _temporary_beside(path)
    with _cleaning_up(path, folder):
        folder.mkdir()
        temporary = folder / path.name
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path.resolve())


@contextmanager
def replacing_folder(path: Path, earlier: Collection[str] = ()) -> Iterator[Path]:
    """Yield a temporary empty folder; it replaces `path` if the block succeeds, and is removed otherwise.

    Args:
        path: The folder to create or replace. It is replaced only if everything in it is replaced too.
        earlier: Names of files that an earlier result of this kind may have left there, which may go.

    Raises:
        StorageError: The folder cannot be written, or holds other things; `path` is as it was before.
    """
    check_target_folder(path)
    temporary = _temporary_beside(path)
    with _cleaning_up(path, temporary):
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush_to_disk(file)
        check_replaceable(path, {*earlier, *(file.name for file in temporary.iterdir())})
        _swap_folder(temporary, path.resolve())


def write_npy(path: Path, array: AnyArray) -> None:
    """Write an array as an npy file that loads without pickle.

    numpy's own writing to a file says nothing where its last kilobytes find no room.
    """
    content = BytesIO()
    np.save(content, array, allow_pickle=False)
    path.write_bytes(content.getbuffer())


def check_target_folder(path: Path) -> None:
    """Check that a path can be replaced by a folder.

    Raises:
        StorageError: The path is a file, or the working folder is the path or below it.
    """
    real = resolved_out(path)
    if real.exists() and not real.is_dir():
        raise StorageError(f"cannot write {path}: it is a file, expected the name of a folder; choose another path")
    if Path.cwd().is_relative_to(real):
        raise StorageError(f"cannot replace {path}: this is where you work, expected another folder; name one in it")


def check_replaceable(path: Path, names: Collection[str]) -> None:
    """Check that a folder holds nothing but files of these names, so that replacing it loses nothing else.

    Raises:
        StorageError: The folder holds something of another name.
    """
    others = sorted(file.name for file in path.iterdir() if file.name not in names) if path.is_dir() else []
    if others:
        raise StorageError(
            f"cannot replace {path}: it holds {len(others)} other things, such as {others[0]!r}, expected nothing or "
            "an earlier result of the same kind; choose another path, or move them away"
        )


def remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed processes left beside `path`."""
    real = path.resolve()
    for leftover in real.parent.glob(f".{escape(real.stem)}.{'?' * 8}.partial{escape(real.suffix)}"):
        remove(leftover)


def remove(path: Path) -> None:
    """Remove a file, or a folder and all in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _temporary_beside(path: Path) -> Path:
    path = resolved_out(path)  # The target of a link is replaced, not the link; and "." has no name.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_error(path, error) from error
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
        remove(temporary)


def _swap_folder(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    if exchanged(temporary, path):
        return  # What was there is now the temporary one, and goes with it.
    old = _temporary_beside(path)
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    # Some writers create files that only their owner can read; use the permissions that the umask gives new files.
    path.chmod(0o666 & ~_UMASK)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _storage_error(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"cannot write {path}: {error}; nothing was changed there. Free some space, check the permissions or choose "
        "another path, then run the same command again"
    )
