"""How long work tells a watcher where it is, without knowing who watches.

The library never prints. It reports to a `Reporter`; the command line passes one that draws progress bars, and the
default says nothing.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work, opened by `Reporter.task`."""

    def advance(self, steps: int = 1, status: str = "") -> None:
        """Say that `steps` more steps are done; `status` is a short text shown beside the bar."""


class Reporter(Protocol):
    """Receives progress and messages."""

    def task(self, name: str, total: int) -> AbstractContextManager[Task]:
        """Open a task of `total` steps; leaving the context closes it."""

    def note(self, message: str) -> None:
        """Pass on one line that a person should see."""


class _SilentTask:
    def advance(self, steps: int = 1, status: str = "") -> None:
        """Do nothing."""


class SilentReporter:
    """Says nothing."""

    @contextmanager
    def task(self, name: str, total: int) -> Iterator[Task]:  # noqa: ARG002
        """Open a task that nobody watches."""
        yield _SilentTask()

    def note(self, message: str) -> None:
        """Drop the message."""


SILENT = SilentReporter()
