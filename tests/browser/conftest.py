"""Headless Chromium on the report of a synthetic comparison; the tests are skipped where there is no Chromium."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llminit.report.loaded import Loaded
from llminit.report.write import load, page_of
from synthetic_results import ENCODERS, Plan, write_results

PLAN = Plan(encoders=ENCODERS[:1], sizes=(16, 256), shares=(0.5,), histories=(2,))
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A busy machine is slow, not wrong.
PATIENCE_MS = 120_000


@dataclass
class Seen:
    """An open page and what it did.

    Attributes:
        page: Playwright's page.
        messages: What it wrote to the console, and errors that nobody caught.
        requests: Every address that it asked for.
    """

    page: Any
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Seen]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def loaded(tmp_path_factory) -> Loaded:
    return load(write_results(tmp_path_factory.mktemp("results") / "beauty", PLAN))


@pytest.fixture(scope="session")
def report(loaded, tmp_path_factory) -> Path:
    """The report as a file; do not write to it."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page_of(loaded), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def open_report(chromium, report) -> Iterator[Open]:
    """Give a function that opens the report offline in a window of its own and waits until it is drawn."""
    contexts = []

    def open_page(width: int = 1280, scheme: str = "light") -> Seen:
        context = chromium.new_context(
            offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.messages.append(message.text))
        seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(report.as_uri())
        seen.page.wait_for_selector("html[data-ready]", state="attached")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def wide(open_report) -> Any:
    """A wide, light page that tests share; each leaves it as good as it was."""
    return open_report().page
