"""The work folder of an unfinished preparation: each step leaves a file that says it is done.

A step's result is written under another name and renamed when it is whole; then its mark is written, with the sizes of
what it stands for. A killed run leaves at most one step without a mark, which is taken again.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from llminit.arrays import AnyArray
from llminit.errors import StorageError
from llminit.storage import WRITE_ERRORS, remove, replacing_file

_REQUEST = "request.json"


@dataclass(frozen=True)
class WorkFolder:
    """A folder beside the result, removed when that is there."""

    path: Path

    @classmethod
    def beside(cls, out: Path) -> "WorkFolder":
        """Return the work folder of a result."""
        real = out.resolve()
        return cls(real.with_name(f".{real.name}.work"))

    def begin(self, request: Mapping[str, Any]) -> bool:
        """Make the folder for a request, and return whether work for the same request is there already."""
        written = self._json(_REQUEST)
        if written == dict(request):
            for leftover in self.path.glob(".*.partial*"):
                remove(leftover)
            return True
        remove(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._write_json(_REQUEST, request)
        return False

    def done(self, step: str) -> dict[str, Any] | None:
        """Return what a finished step said of itself; None where it is not finished, or its files are not whole."""
        mark = self._json(f"{step}.json")
        if mark is None:
            return None
        files = mark.get("files", {})
        whole = all(self._size(name) == size for name, size in files.items())
        return dict(mark) if whole else None

    def finish(self, step: str, files: tuple[str, ...] = (), **facts: Any) -> dict[str, Any]:
        """Mark a step as finished, with the sizes of its files and what it says of itself."""
        mark = facts | {"files": {name: self._size(name) for name in files}}
        self._write_json(f"{step}.json", mark)
        return mark

    def once(self, step: str, files: tuple[str, ...], work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Take a step unless it is finished, and return what it says of itself."""
        mark = self.done(step)
        return self.finish(step, files, **work()) if mark is None else mark

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """Yield a temporary path that becomes a file of this name if the block succeeds."""
        with replacing_file(self.path / name) as temporary:
            yield temporary

    @contextmanager
    def new_folder(self, name: str) -> Iterator[Path]:
        """Yield a temporary folder that becomes a folder of this name if the block succeeds."""
        target = self.path / name
        temporary = self.path / f".{uuid4().hex[:8]}.partial"
        try:
            temporary.mkdir()
            yield temporary
            remove(target)
            temporary.rename(target)
        except WRITE_ERRORS as error:
            if isinstance(error, StorageError):
                raise
            raise _full(self.path, error) from error
        finally:
            remove(temporary)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _json(self, name: str) -> dict[str, Any] | None:
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        with replacing_file(self.path / name) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")

    def _size(self, name: str) -> int:
        try:
            return (self.path / name).stat().st_size
        except OSError:
            return -1


def write_array(path: Path, array: AnyArray) -> None:
    """Write an array as npy, without a copy of it in memory, and wait until it is on the disk."""
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def mapped(path: Path) -> AnyArray:
    """Return an array of a npy file, mapped into memory; what is written to it stays in memory."""
    array: AnyArray = np.load(path, mmap_mode="c", allow_pickle=False)
    return array.view(np.ndarray)


def _full(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"cannot write {path}: {error}; free some space or choose another path, then run the same command again: it "
        "continues"
    )
