"""Reporters that people see: progress bars in a terminal or notebook, lines in a log elsewhere.

The library itself prints nothing (see `llminit.progress`). What a function is not given, `automatic_reporter` chooses.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
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
        with _BarAndStatus(*_columns(), console=stderr, transient=True) as progress:
            bar = progress.add_task(name, total=total, completed=done, status="", left="")
            yield _BarTask(progress, bar, _TimeLeft(total, done))

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


def _columns() -> list[ProgressColumn]:
    """Return the columns of a bar's line; a narrow terminal shortens the bar and nothing else."""
    whole = Column(no_wrap=True)
    return [
        TextColumn("{task.description}", markup=False, table_column=whole),
        BarColumn(bar_width=24),
        MofNCompleteColumn(table_column=whole.copy()),
        TimeElapsedColumn(table_column=whole.copy()),
        TextColumn("{task.fields[left]}", style="progress.remaining", table_column=whole.copy()),
    ]


class _BarAndStatus(Progress):
    """A line with the bar, and under it the status, which may need more than one."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            # A line that the terminal breaks by itself would be drawn again and again.
            status = Text(task.fields["status"], no_wrap=False, overflow="fold")
            yield Padding(status, (0, 0, 0, 2))


class _BarTask:
    def __init__(self, progress: Progress, task: TaskID, time_left: "_TimeLeft") -> None:
        self._progress, self._task, self._time_left = progress, task, time_left

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        left = self._time_left.after(steps, seconds_left)
        self._progress.update(self._task, advance=steps, status=status, left=left)


class _TimeLeft:
    """Says how much time is left: as the work estimates it, otherwise by the pace of this run's steps."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self._before = total, done, done
        self._started = time.monotonic()

    def after(self, steps: int, estimate: float | None) -> str:
        """Count steps and return a text; it is empty where nothing can be said."""
        self.done += steps
        # A download of unknown length has a total of 0.
        if estimate is None and self._before < self.done <= self.total:
            pace = (time.monotonic() - self._started) / (self.done - self._before)
            estimate = pace * (self.total - self.done)
        return f"about {rough_duration(estimate)} left" if estimate is not None and math.isfinite(estimate) else ""


class _LoggedTask:
    def __init__(self, name: str, total: int, done: int, write: Callable[[str], None]) -> None:
        self._name, self._write, self._time_left = name, write, _TimeLeft(total, done)
        self._logged_at = time.monotonic()

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        left, now = self._time_left.after(steps, seconds_left), time.monotonic()
        if now - self._logged_at < LOG_EVERY_SECONDS:
            return
        self._logged_at = now
        parts = [f"{self._name}: {self._time_left.done}/{self._time_left.total}", left, status]
        self._write(", ".join(part for part in parts if part))
