"""Headless Chromium on the report of a synthetic comparison; the tests are skipped where there is no Chromium."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cold_results import write_cold
from llminit.report.data import ReportData
from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.report.render import render
from open_pages import OpenFile, OpenReport, Seen
from synthetic_results import ENCODERS, Plan, write_results

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

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

# Long, because a busy machine is slow.
PATIENCE_MS = 120_000


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """A running headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    folder = write_results(tmp_path_factory.mktemp("results") / "beauty", PLAN)
    write_cold(folder, cold_users=0.25)
    return read_report_data(folder)


@pytest.fixture(scope="session")
def report(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report as a file; do not write to it."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(page_content(data)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def open_file(chromium: "Browser") -> Iterator[OpenFile]:
    """Give a function that opens a report, and closes its windows when the tests are over."""
    contexts: list[BrowserContext] = []

    def open_page(file: Path, width: int = 1280, scheme: str = "light") -> Seen:
        context = chromium.new_context(
            offline=True,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.messages.append(message.text))
        seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(file.as_uri())
        seen.page.wait_for_selector("html[data-ready]", state="attached")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def open_report(open_file: OpenFile, report: Path) -> OpenReport:
    """Give a function that opens the report."""
    return partial(open_file, report)


@pytest.fixture(scope="session")
def wide(open_report: OpenReport) -> "Page":
    """A wide, light page that tests share; each test leaves it as it was."""
    return open_report().page
