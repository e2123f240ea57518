"""A results folder and its report, made once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llminit.report.loaded import Loaded
from llminit.report.write import load, page_of
from llminit.results import ResultsFolder
from oracles_report import figures_of
from synthetic_results import ENCODERS, Plan, write_results

PLAN = Plan(encoders=ENCODERS, sizes=(16, 256), shares=(0.5,), histories=(2,))


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> ResultsFolder:
    """A folder with every kind of result; do not write to it."""
    return write_results(tmp_path_factory.mktemp("results") / "beauty", PLAN)


@pytest.fixture(scope="session")
def loaded(folder) -> Loaded:
    return load(folder)


@pytest.fixture(scope="session")
def page(loaded) -> str:
    return page_of(loaded)


@pytest.fixture(scope="session")
def figure(page) -> Callable[[str], dict[str, Any]]:
    """Give a function from a figure's name to the plotly data and layout that the page holds."""
    return figures_of(page).__getitem__


@pytest.fixture(scope="session")
def figures(page) -> dict[str, dict[str, Any]]:
    return figures_of(page)


@pytest.fixture
def small(tmp_path) -> Path:
    """Where a test may write a folder of its own."""
    return tmp_path / "small"
