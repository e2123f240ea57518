"""Helpers for tests of comparisons: the files that it wrote, and a reporter that records its messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl

from llminit.arrays import FloatArray
from llminit.progress import Task
from llminit.results import ResultsFolder

Pair = tuple[pl.Series, FloatArray]
"""Text embeddings as ids and an array."""
Compare = Callable[..., ResultsFolder]
"""Compares with these options and returns the results."""
Stamp = tuple[bytes, int]
"""A file's bytes, and when it was written."""


def stamps(folder: ResultsFolder) -> dict[str, Stamp]:
    files = [path for path in folder.path.rglob("*") if path.is_file() and path.parent != folder.path]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def names(folder: ResultsFolder) -> set[str]:
    return set(folder.names())


class RecordingReporter:
    """A reporter that records what it receives about cells."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.statuses: list[str] = []
        self.guesses: list[float] = []
        self.total: int | None = None
        self.before = self.done = 0

    def note(self, message: str) -> None:
        self.notes.append(message)

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        if name == "cells":
            self.total, self.before, self.done = total, done, done
        yield _ToldTask(self, is_counted=name == "cells")


class _ToldTask:
    def __init__(self, reporter: RecordingReporter, *, is_counted: bool) -> None:
        self.reporter, self.is_counted = reporter, is_counted

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        if self.is_counted:
            self.reporter.done += steps
            self.reporter.statuses.append(status)
            assert seconds_left is not None
            self.reporter.guesses.append(seconds_left)
