"""How long work tells a watcher where it is, without knowing who watches.

The library never prints. It reports to a `Reporter`; the command line passes one that draws progress bars, and the
default says nothing.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work, opened by `Reporter.task`."""

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        """Say that more steps are done.

        Args:
            steps: How many.
            status: A short text, shown beside the bar.
            seconds_left: A better guess of the time left than the pace so far gives, where there is one; math.inf
                where nothing is known of it, and the pace would mislead.
        """


class Reporter(Protocol):
    """Receives progress and messages."""

    def task(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        """Open a task; leaving the context closes it.

        Args:
            name: What is done.
            total: How many steps there are.
            done: How many of them an earlier run has done, which say nothing of the pace of this one.
        """

    def note(self, message: str) -> None:
        """Pass on one line that a person should see."""


class _SilentTask:
    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        """Do nothing."""


class SilentReporter:
    """Says nothing."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:  # noqa: ARG002
        """Open a task that nobody watches."""
        yield _SilentTask()

    def note(self, message: str) -> None:
        """Drop the message."""


SILENT = SilentReporter()


def rough_duration(seconds: float) -> str:
    """Return seconds as text in the unit that suits a guess."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
