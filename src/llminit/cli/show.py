"""Showing results: progress and messages on stderr, results on stdout."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import typer
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
from rich.table import Table
from rich.text import Text

from llminit.progress import Task, rough_duration

LOG_EVERY_SECONDS = 20.0

# Without emoji=False, a title or path with ":smile:" in it would come out changed.
stderr = Console(stderr=True, soft_wrap=True, emoji=False)


class RichReporter:
    """Draws progress bars with the time left on a terminal; elsewhere, such as in a log, writes a line now and then."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """Show a task until the context ends; see `llminit.progress.Reporter`."""
        if not stderr.is_terminal:
            yield _LoggedTask(name, total, done)
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
    def __init__(self, name: str, total: int, done: int) -> None:
        self._name, self._total, self._before, self._done = name, total, done, done
        self._started = self._logged_at = time.monotonic()

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._logged_at < LOG_EVERY_SECONDS:
            return
        self._logged_at = now
        parts = [f"{self._name}: {self._done}/{self._total}", self._left(now, seconds_left), status]
        stderr.print(escape(", ".join(part for part in parts if part)), highlight=False)

    def _left(self, now: float, estimate: float | None) -> str:
        if estimate is not None:
            return f"about {rough_duration(estimate)} left" if math.isfinite(estimate) else "time left unknown"
        # A download of unknown length has a total of 0.
        if self._done == self._before or self._done > self._total:
            return ""
        pace = (now - self._started) / (self._done - self._before)
        return f"at most {rough_duration(pace * (self._total - self._done))} left"


def print_json(value: Any) -> None:
    """Write one JSON object to stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))


def print_table(table: pl.DataFrame, title: str | None = None) -> None:
    """Write a table to stdout."""
    shown = Table(title=title, title_justify="left")
    for name, dtype in table.schema.items():
        shown.add_column(name, justify="right" if dtype.is_numeric() else "left")
    for row in table.iter_rows():
        shown.add_row(*(_cell(value) for value in row))
    # Output to a file or pipe must not be cut to the default width of a terminal.
    console = Console(emoji=False) if Console().is_terminal else Console(width=160, emoji=False)
    console.print(shown)


def print_metrics(metrics: dict[str, dict[str, float]]) -> None:
    """Write a table of metrics to stdout, one row per protocol."""
    rows = [{"protocol": protocol, **values} for protocol, values in metrics.items()]
    chosen = ["recall@10", "ndcg@10", "recall@20", "ndcg@20", "hit@10", "mrr@10"]
    if rows:
        table = pl.DataFrame(rows)
        print_table(table.select("protocol", *(name for name in chosen if name in table.columns)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else escape(str(value))
