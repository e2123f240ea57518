"""Checks of where a result is to go, before any work: after an hour of training an answer would come too late."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from llminit.errors import ConfigError, StorageError

MAX_NAME_BYTES = 255
"""Of every folder on the way, as most file systems have it."""
MAX_LAST_NAME_BYTES = 200
"""Of the result itself: what is written beside it until it is whole has a longer name."""
MAX_PATH_BYTES = 3500
"""Of the whole path; Linux takes 4096, and the files in a folder have longer ones."""


def check_out_file(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Check that a file can be written, and leave nothing behind.

    Args:
        path: The file; it need not exist, nor its folder.
        inputs: Files that are read, and must not be replaced.

    Raises:
        StorageError: It can never be written; the message says why.
        ConfigError: It is one of the inputs.
    """
    real = resolved_out(path)
    if real.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder, expected the name of a file; choose another path")
    for given in inputs:
        with suppress(OSError):  # An input that is not there is another function's error.
            if real.samefile(given):
                raise ConfigError(f"cannot write {path}: it is the input {given}, which would be lost; choose another")
    _check_can_create_in(real.parent, path)


def check_out_folder(path: Path) -> None:
    """Check that a folder can be created, or written to where it exists, and leave nothing behind.

    Raises:
        StorageError: It cannot; the message says why.
    """
    real = resolved_out(path)
    if real.exists() and not real.is_dir():
        raise StorageError(f"cannot write {path}: it is a file, expected the name of a folder; choose another path")
    for folder in [real, real.parent] if real.exists() else [real.parent]:
        _check_can_create_in(folder, path)


def resolved_out(path: Path) -> Path:
    """Return the path without links, after checking that it can be the path of something.

    Raises:
        StorageError: A name is too long or not UTF-8, links lead in a circle, or a file is on the way.
    """
    _check_names(path)
    try:
        with suppress(FileNotFoundError):
            path.stat()
        return path.resolve()
    except NotADirectoryError as error:
        raise StorageError(
            f"cannot write {path}: something on the way is a file, expected folders; choose another path"
        ) from error
    except (OSError, RuntimeError) as error:  # Older versions of Python raise a RuntimeError where links go round.
        is_loop = isinstance(error, RuntimeError) or error.errno == errno.ELOOP
        reason = "its links lead in a circle" if is_loop else str(error)
        raise StorageError(
            f"cannot write {path}: {reason}; choose another path, or correct the links or permissions"
        ) from error


def _check_names(path: Path) -> None:
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StorageError(f"cannot write {text!r}: the name is not valid UTF-8; choose another name") from error
    if "\0" in text:
        raise StorageError(f"cannot write {text!r}: the name holds a null character; choose another name")
    absolute = path.absolute()
    for part in absolute.parts:
        most = MAX_LAST_NAME_BYTES if part == absolute.name else MAX_NAME_BYTES
        _check_length(f"its name {part[:40]!r}...", part, most)
    _check_length(f"the path {text[:40]!r}...", str(absolute), MAX_PATH_BYTES)


def _check_length(what: str, name: str, most: int) -> None:
    n_bytes = len(os.fsencode(name))
    if n_bytes > most:
        raise StorageError(
            f"cannot write there: {what} has {n_bytes} bytes, expected at most {most}; choose a shorter one"
        )


def _check_can_create_in(folder: Path, path: Path) -> None:
    """Create something in a folder, or in the nearest one above it that exists, and remove it."""
    while not folder.exists():
        folder = folder.parent
    probe = folder / f".{uuid4().hex[:8]}.partial"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error}; check the permissions of {folder}, or choose another path"
        ) from error
