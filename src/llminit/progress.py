"""Progress and messages of long work, independent of how they are shown.

The library never prints. It reports to a `Reporter`; the command line passes one that draws progress bars, and the
default ignores everything.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work, opened by `Reporter.task`."""

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        """Report that more steps are done.

        Args:
            steps: How many.
            status: A short text, shown beside the bar.
            seconds_left: An estimate of the time left that is better than the pace so far; math.inf if the time left is
                unknown and the pace would mislead.
        """


class Reporter(Protocol):
    """Receives progress and messages."""

    def task(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        """Open a task; leaving the context closes it.

        Args:
            name: What the task is called.
            total: Number of steps.
            done: Number of steps that an earlier run has done; they do not count for the pace of this run.
        """

    def note(self, message: str) -> None:
        """Show one line to the user."""


class _SilentTask:
    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        """Do nothing."""


class SilentReporter:
    """Ignores progress and messages."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:  # noqa: ARG002
        """Open a task whose progress is not shown."""
        yield _SilentTask()

    def note(self, message: str) -> None:
        """Do nothing."""


SILENT = SilentReporter()


def rough_duration(seconds: float) -> str:
    """Return seconds as text, rounded, in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
