"""A results folder and its report, made once for all tests."""

from pathlib import Path
from typing import Any

import pytest

from cold_results import write_cold
from llminit.report.data import ReportData
from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.report.render import render
from llminit.results import ResultsFolder
from oracles_report import figures_of
from synthetic_results import ENCODERS, Plan, write_results

PLAN = Plan(encoders=ENCODERS, sizes=(16, 256), shares=(0.5,), histories=(2,))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    """A folder with every kind of result; do not write to it."""
    folder = write_results(tmp_path_factory.mktemp("results") / "beauty", PLAN)
    write_cold(folder, cold_users=0.25)
    return folder


@pytest.fixture(scope="session")
def data(folder: ResultsFolder) -> ReportData:
    return read_report_data(folder)


@pytest.fixture(scope="session")
def page(data: ReportData) -> str:
    return render(page_content(data))


@pytest.fixture(scope="session")
def figures(page: str) -> dict[str, dict[str, Any]]:
    """By anchor, the plotly data and layout that the page holds."""
    return figures_of(page)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The path of a folder that a test may write."""
    return tmp_path / "small"
