"""Pages of results of two data sets."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from results_page.sources import DataSet, Plan, load_data_sets
from results_pages import PLANNED, WRITTEN, text_of
from synthetic_results import write_results


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("docs")
    write_results(path / "beauty", WRITTEN)
    write_results(path / "toys", replace(WRITTEN, seeds=(0, 1)))
    (path / "planned.toml").write_text(PLANNED, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return text_of(root)


@pytest.fixture(scope="module")
def data_sets(root: Path) -> list[DataSet]:
    return load_data_sets([root / "beauty", root / "toys"], Plan.from_toml(root / "planned.toml"))


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    shutil.copytree(root / "beauty", tmp_path / "beauty")
    (tmp_path / "planned.toml").write_text(PLANNED, encoding="utf-8")
    return tmp_path
