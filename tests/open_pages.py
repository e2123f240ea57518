"""The types of the browser fixtures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass
class Seen:
    """An open page and what it did.

    Attributes:
        page: Playwright's page.
        messages: What it wrote to the console, and uncaught errors.
        requests: Every address that it requested.
    """

    page: "Page"
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class OpenFile(Protocol):
    """Opens a report offline in a new window of this width and colour scheme, and waits until it is drawn."""

    def __call__(self, file: Path, width: int = 1280, scheme: str = "light") -> Seen: ...


class OpenReport(Protocol):
    """Opens the report that tests share, as `OpenFile` does."""

    def __call__(self, width: int = 1280, scheme: str = "light") -> Seen: ...
