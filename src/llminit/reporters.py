"""Reporters that people see: progress bars in a terminal or notebook, lines in a log elsewhere.

The library itself prints nothing (see `llminit.progress`). What a function is not given, `automatic_reporter` chooses.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as BarTask
from rich.text import Text

from llminit.progress import SILENT, Reporter, Task, rough_duration

LOG_EVERY_SECONDS = 20.0

# Without emoji=False, a title or path with ":smile:" in it would come out changed.
stderr = Console(stderr=True, soft_wrap=True, emoji=False)

_LOGGER = logging.getLogger("llminit")


def automatic_reporter(reporter: Reporter | None = None) -> Reporter:
    """Return the reporter that was given, otherwise one that suits where the process runs.

    Bars in a terminal and in a notebook; elsewhere the logger `llminit`, at the level INFO.
    """
    if reporter is not None:
        return reporter
    if stderr.is_terminal or stderr.is_jupyter:
        return RichReporter()
    return LoggingReporter() if _LOGGER.isEnabledFor(logging.INFO) else SILENT


class RichReporter:
    """Draws progress bars with the time left on a terminal; elsewhere, such as in a log, writes a line now and then."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """Show a task until the context ends; see `llminit.progress.Reporter`."""
        if not (stderr.is_terminal or stderr.is_jupyter):
            yield _LoggedTask(name, total, done, _write)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            _TimeLeft(),
            TextColumn("{task.fields[status]}"),
        )
        with Progress(*columns, console=stderr, transient=True) as progress:
            yield _BarTask(progress, progress.add_task(name, total=total, completed=done, status="", seconds_left=None))

    def note(self, message: str) -> None:
        """Write a line."""
        stderr.print(escape(message), highlight=False)


class LoggingReporter:
    """Writes to the logger `llminit`: notes at once, and a line now and then while a task goes on."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """Report on a task until the context ends; see `llminit.progress.Reporter`."""
        yield _LoggedTask(name, total, done, _LOGGER.info)

    def note(self, message: str) -> None:
        """Log a line."""
        _LOGGER.info(message)


def _write(line: str) -> None:
    stderr.print(escape(line), highlight=False)


class _TimeLeft(TimeRemainingColumn):
    """The estimate of the last step if there is one, otherwise that from the pace."""

    def render(self, task: BarTask) -> Text:
        seconds = task.fields["seconds_left"]
        if seconds is None:
            return super().render(task)
        return Text(rough_duration(seconds) if math.isfinite(seconds) else "unknown", style="progress.remaining")


class _BarTask:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        self._progress.update(self._task, advance=steps, status=escape(status), seconds_left=seconds_left)


class _LoggedTask:
    def __init__(self, name: str, total: int, done: int, write: Callable[[str], None]) -> None:
        self._name, self._total, self._before, self._done, self._write = name, total, done, done, write
        self._started = self._logged_at = time.monotonic()

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._logged_at < LOG_EVERY_SECONDS:
            return
        self._logged_at = now
        parts = [f"{self._name}: {self._done}/{self._total}", self._left(now, seconds_left), status]
        self._write(", ".join(part for part in parts if part))

    def _left(self, now: float, estimate: float | None) -> str:
        if estimate is not None:
            return f"about {rough_duration(estimate)} left" if math.isfinite(estimate) else "time left unknown"
        # A download of unknown length has a total of 0.
        if self._done == self._before or self._done > self._total:
            return ""
        pace = (now - self._started) / (self._done - self._before)
        return f"at most {rough_duration(pace * (self._total - self._done))} left"
