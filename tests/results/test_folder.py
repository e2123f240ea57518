"""Result files: what is written comes back, and what is damaged is named."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from llminit.errors import ArtefactError, StorageError
from llminit.evaluation import mean_metric
from llminit.results import Failure, ResultsFolder
from sample_cells import COLUMNS, SPLIT, cell, header, ranks_of


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    """A results folder with two cells of one split."""
    made = ResultsFolder(tmp_path / "r")
    made.write_header(header())
    made.write_split("seed-0", SPLIT)
    for key in ({"model": "ease"}, {"model": "lightgcn", "init": "pca", "encoder": "ü", "embedding_size": 8}):
        made.write_cell(cell(**key), COLUMNS)
    return ResultsFolder(tmp_path / "r")


def file_of(folder: ResultsFolder, name: str, ending: str = ".json") -> Path:
    return folder.path / "cells" / f"{name}{ending}"


def test_what_is_written_comes_back(folder: ResultsFolder) -> None:
    """Header, cells, splits and ranks come back equal, and metrics can be computed again from the ranks."""
    assert folder.header == header()
    first = folder.cells()[0]
    assert first == cell()
    for protocol, ranks in folder.ranks(first).items():
        expected = ranks_of(protocol)
        for name in ("users", "indptr", "ranks"):
            np.testing.assert_array_equal(getattr(ranks, name), getattr(expected, name))
        # Ranks are in another order than the rows of the split; `items` holds the row of each.
        np.testing.assert_array_equal(SPLIT["item"].to_numpy()[ranks.items], expected.items)
        assert mean_metric(ranks, "ndcg@10") == first.metrics[protocol]["ndcg@10"]
    assert folder.split("seed-0").equals(SPLIT.drop("item").cast(pl.Int32)), "item codes are not stored"


def test_tidy_rows_and_their_json(folder: ResultsFolder) -> None:
    """Each measure is one row, its group's size beside it, and the Parquet and JSON files hold the same rows."""
    tidy = folder.tidy()
    ease = tidy.filter(pl.col("model") == "ease", pl.col("protocol") == "standard")
    found = ease.filter(metric="recall", k=10).rows_by_key("group", named=True, unique=True)
    assert (found["all"]["n"], found["all"]["value"]) == (3, pytest.approx((1 + 1 + 0) / 3))
    # Of the users with 2-4 training interactions user 0 is evaluated, and of the items with one the second user's.
    assert (found["user_degree=2-4"]["n"], found["user_degree=2-4"]["value"]) == (1, 1.0)
    assert (found["item_popularity=1"]["n"], found["item_popularity=1"]["value"]) == (1, 1.0)
    assert ease.filter(metric="coverage")["value"].to_list() == [0.5]
    key_of_row = [name for name in tidy.columns if name not in ("n", "value")]
    assert not tidy.select(key_of_row).is_duplicated().any()

    folder.write_tidy(folder.cells())
    assert pl.read_parquet(folder.path / "results.parquet").equals(tidy)
    written = json.loads((folder.path / "results.json").read_text(encoding="utf-8"))
    assert len(written["rows"]) == len(tidy)
    for row, expected in zip(written["rows"], tidy.to_dicts(), strict=True):
        named = dict(zip(written["columns"], row, strict=True))
        named |= written["cells"][named.pop("cell")]
        assert named.pop("value") == pytest.approx(expected.pop("value"), rel=1e-5)
        assert named == expected


def test_an_empty_folder(tmp_path: Path) -> None:
    """A comparison without a finished cell has no rows; a folder without a comparison is not a results folder."""
    made = ResultsFolder(tmp_path / "r")
    with pytest.raises(ArtefactError, match=r"no comparison\.json"):
        _ = made.header
    made.write_header(header())
    assert (made.cells(), made.failures(), len(made.tidy())) == ([], [], 0)


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "list", "other name", "field"])
def test_a_damaged_cell_is_named(folder: ResultsFolder, damage: str) -> None:
    """A cell that was cut short, changed or swapped is named with what to do; the other one can still be read."""
    path = file_of(folder, "ease_seed-0")
    text = path.read_text(encoding="utf-8")
    content = {
        "cut": text[: len(text) // 2],
        "empty": "",
        "changed": text.replace('"ease"', '"easy"', 1),
        "list": "[1]",
        "field": text.replace('"metrics"', '"metric"', 1),
        "other name": next(iter(folder.path.glob("cells/lightgcn*.json"))).read_text(encoding="utf-8"),
    }[damage]
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"ease_seed-0.*delete cells/ease_seed-0\.json") as error:
        folder.cells()
    assert str(error.value).count("\n") == 0
    names = [name for name in folder.names() if name != "ease_seed-0"]
    assert [folder.cell(name).key.model for name in names] == ["lightgcn"]


@pytest.mark.parametrize("damage", ["cut", "missing", "swapped", "rows"])
def test_damaged_ranks_are_named(folder: ResultsFolder, damage: str) -> None:
    """Ranks that are not those that were written are refused, never averaged."""
    path = file_of(folder, "ease_seed-0", ".ranks.parquet")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "missing":
        path.unlink()
    elif damage == "swapped":
        COLUMNS.reverse().write_parquet(path)
    else:
        folder.write_cell(cell(), COLUMNS.head(2))
    with pytest.raises(ArtefactError, match=r"ease_seed-0"):
        folder.ranks(folder.cell("ease_seed-0"))


def test_a_damaged_split_and_header(folder: ResultsFolder) -> None:
    """A split or a header that cannot be read is named."""
    (folder.path / "splits" / "seed-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtefactError, match=r"seed-0\.parquet"):
        folder.split("seed-0")
    (folder.path / "comparison.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"comparison\.json cannot be read"):
        _ = folder.header


def test_another_format_version(folder: ResultsFolder) -> None:
    """A file of another format version is refused with both versions."""
    path = file_of(folder, "ease_seed-0")
    path.write_text(path.read_text(encoding="utf-8").replace('"format": 1', '"format": 7', 1), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"format version 7.*reads version 1"):
        folder.cells()


def test_failures_end_when_the_cell_is_finished(folder: ResultsFolder) -> None:
    """A failed cell is recorded, is not a finished one, and its record is removed when it is finished."""
    key = cell(model="gf-cf").key
    folder.write_failure(Failure(key=key, error="diverged"))
    assert [failure.error for failure in folder.failures()] == ["diverged"]
    assert len(folder.names()) == 2
    folder.write_cell(cell(model="gf-cf"), COLUMNS)
    assert (folder.failures(), len(folder.names())) == ([], 3)


def test_failures_of_finished_cells_are_leftovers(folder: ResultsFolder) -> None:
    """The record of a failure beside a finished cell, even a damaged one, is ignored and removed as a leftover."""
    folder.write_failure(Failure(key=cell().key, error="killed"))
    other = next(name for name in folder.names() if name.startswith("lightgcn"))
    file_of(folder, other, ".failed.json").write_text("{", encoding="utf-8")
    folder.write_failure(Failure(key=cell(model="gf-cf").key, error="diverged"))
    assert [failure.error for failure in folder.failures()] == ["diverged"]
    folder.remove_leftovers()
    assert [path.name for path in folder.path.rglob("*.failed.json")] == ["gf-cf_seed-0.failed.json"]


def test_new_failures(folder: ResultsFolder) -> None:
    """New failures are those that were written through the same object, until their cells are finished."""
    folder.write_failure(Failure(key=cell(model="gf-cf").key, error="diverged"))
    again = ResultsFolder(folder.path)
    again.write_failure(Failure(key=cell(model="edlae").key, error="too large"))
    assert [failure.key.model for failure in again.new_failures()] == ["edlae"]
    assert [failure.key.model for failure in again.failures()] == ["edlae", "gf-cf"]
    again.write_cell(cell(model="edlae"), COLUMNS)
    assert again.new_failures() == []


def test_folders_with_other_files_are_refused(tmp_path: Path) -> None:
    """A file, or a folder that holds other files, is refused and never written to."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    for name in ("file", "full"):
        with pytest.raises(StorageError, match=name):
            ResultsFolder(tmp_path / name).check_writable()
    ResultsFolder(tmp_path / "new").check_writable()
