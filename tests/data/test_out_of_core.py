"""Tables prepared out of core: the same data set as in memory, refusals, damage."""

import gzip
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llminit.config import ColumnNames, DataConfig, FilterConfig
from llminit.data import Dataset, make_dataset, read_interactions
from llminit.data.out_of_core import is_prepared, open_prepared, prepare_interactions
from llminit.data.out_of_core import room as room_module
from llminit.errors import ConfigError, DataError, StorageError
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.provenance import data_fingerprint

_IDS = {
    "whole": st.integers(-3, 12),
    "far": st.sampled_from([-(2**40), -7, 5, 2**33, 2**62]),
    "text": st.sampled_from(["a", "B", "é", "01", "1", "zz", "user 9"]),
    "date": st.dates(date(2020, 1, 1), date(2020, 1, 9)),
}
_TIMES = {
    "none": None,
    "whole": st.integers(-(2**40), 2**40) | st.integers(0, 3),
    "missing": st.none() | st.integers(0, 3),
    "float": st.none() | st.sampled_from([-1.5, 0.0, 0.25, 7e300, float("inf"), float("-inf"), float("nan")]),
}


@st.composite
def _tables(draw: st.DrawFn) -> pl.DataFrame:
    users, items = (draw(st.sampled_from(sorted(_IDS))) for _ in range(2))
    times = _TIMES[draw(st.sampled_from(sorted(_TIMES)))]
    n = draw(st.integers(1, 40))

    def column(strategy: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(strategy, min_size=n, max_size=n))

    table = {"user_id": column(_IDS[users]), "item_id": column(_IDS[items])}
    table["rating"] = column(st.none() | st.integers(1, 5))
    frame = pl.DataFrame(table, schema_overrides={"rating": pl.Int8})
    if times is None:
        return frame
    dtype = pl.Float64 if times is _TIMES["float"] else pl.Int64
    return frame.with_columns(pl.Series("timestamp", column(times), dtype=dtype))


def _assert_same(prepared: Dataset, expected: Dataset) -> None:
    for kind in ("users", "items"):
        ours, theirs = getattr(prepared, kind).ids, getattr(expected, kind).ids
        assert ours.dtype == theirs.dtype
        assert ours.to_list() == theirs.to_list()
    for name in ("users", "items", "timestamps"):
        ours, theirs = getattr(prepared.interactions, name), getattr(expected.interactions, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
    assert data_fingerprint(prepared) == data_fingerprint(expected)


def _made_in_memory(table: pl.DataFrame, filters: FilterConfig) -> Dataset | str:
    """Return the data set, or the message of its refusal."""
    try:
        return make_dataset(read_interactions(table), filters=filters)
    except DataError as error:
        return str(error)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    table=_tables(),
    rows_at_once=st.integers(4, 20),
    cut=st.floats(0, 1),
    k_core=st.sampled_from([1, 1, 2, 3]),
    min_rating=st.sampled_from([None, None, 2.0]),
)
def test_prepared_interactions_are_those_that_are_made_in_memory(
    table: pl.DataFrame,
    rows_at_once: int,
    cut: float,
    k_core: int,
    min_rating: float | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """However the rows are cut into files, runs and parts, the data set and its digest are those of one table."""
    folder = tmp_path_factory.mktemp("table")
    filters = FilterConfig(k_core=k_core, min_rating=min_rating)
    (folder / "in").mkdir()
    at = round(cut * len(table))
    for index, part in enumerate((table[:at], table[at:])):
        part.write_parquet(folder / "in" / f"part-{index}.parquet")
    expected = _made_in_memory(table, filters)
    if isinstance(expected, str):
        with pytest.raises(DataError, match=f"^{re.escape(expected)}$"):
            prepare_interactions(folder / "in", folder / "out", filters=filters, rows_at_once=rows_at_once)
        return
    prepared = prepare_interactions(folder / "in", folder / "out", filters=filters, rows_at_once=rows_at_once)
    _assert_same(prepared.dataset(), expected)
    _assert_same(open_prepared(folder / "out").dataset(), expected)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".jsonl"])
@pytest.mark.parametrize("last_item", ["12", "x1"])
@pytest.mark.parametrize("time", [["5", "", "3", "3"], ["2024-01-02", "2024-01-01T10:00:00Z", "", "2023-05-01"]])
def test_text_files_give_the_types_of_one_file(tmp_path: Path, ending: str, last_item: str, time: list[str]) -> None:
    """A column's type is decided by all files, as when they are one file."""
    rows = list(zip(["7", "8", "7", "9"], ["10", "11", "011"[1:], last_item], ["4", "", "5", "1"], time, strict=True))
    header = ["user_id", "item_id", "rating", "timestamp"]
    paths = [tmp_path / f"{name}{ending}" for name in ("all", "a", "b")]
    for path, part in zip(paths, (rows, rows[:2], rows[2:]), strict=True):
        _write_text(path, header, part)
    prepared = prepare_interactions(paths[1:], tmp_path / "out", rows_at_once=1)
    _assert_same(prepared.dataset(), make_dataset(read_interactions(paths[0])))


def _write_text(path: Path, header: list[str], rows: list[Any]) -> None:
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows)
    else:
        separator = "\t" if ".tsv" in path.name else ","
        text = "".join(separator.join(row) + "\n" for row in [header, *rows])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def test_columns_of_other_names_are_found(tmp_path: Path) -> None:
    """The columns are those that the caller names."""
    table = pl.DataFrame({"who": [1, 1, 2], "what": [5, 6, 5], "when": [3, 2, 1]})
    table.write_parquet(tmp_path / "t.parquet")
    columns = ColumnNames(user_id="who", item_id="what", timestamp="when")
    prepared = prepare_interactions(tmp_path / "t.parquet", tmp_path / "out", columns=columns)
    _assert_same(prepared.dataset(), make_dataset(read_interactions(table, columns)))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return a folder with `in.parquet` and what was prepared of it in `out`."""
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"user_id": rng.integers(0, 40, 300), "item_id": rng.integers(0, 20, 300), "rating": 4.0})
    table.write_parquet(tmp_path / "in.parquet")
    prepare_interactions(tmp_path / "in.parquet", tmp_path / "out", rows_at_once=50)
    return tmp_path


def test_fit_reads_the_folder_as_the_file(made: Path) -> None:
    """What a command reads of the prepared folder is what it reads of the file, with the item table too."""
    items = pl.DataFrame({"item_id": list(range(25)), "title": [f"title {n}" for n in range(25)]})
    of_folder, of_file = (load_dataset(made / name, items, DataConfig()) for name in ("out", "in.parquet"))
    _assert_same(of_folder, of_file)
    assert of_folder.item_table is not None
    assert of_file.item_table is not None
    assert of_folder.item_table.equals(of_file.item_table)


def test_other_filters_than_it_was_made_with_are_refused(made: Path) -> None:
    """A folder that was prepared with other filters is not taken for one with these."""
    with pytest.raises(DataError, match=r"was prepared with min_rating=None and k_core=1, expected the .*k_core=5"):
        load_dataset(made / "out", None, DataConfig(k_core=5))


def test_an_equal_call_returns_what_is_there(made: Path) -> None:
    """Nothing is made again where an equal call has made it; other options are refused."""
    before = (made / "out" / "manifest.json").stat().st_mtime_ns
    prepare_interactions(made / "in.parquet", made / "out", rows_at_once=50)
    assert (made / "out" / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="was prepared from other files or with other options"):
        prepare_interactions(made / "in.parquet", made / "out", rows_at_once=50, filters=FilterConfig(k_core=2))


@pytest.mark.parametrize("damage", ["missing", "short", "changed", "manifest"])
def test_a_damaged_shard_is_said_and_made_again(made: Path, damage: str) -> None:
    """A missing, short or changed file is named, with what to do; the same preparation then makes the folder anew."""
    expected = open_prepared(made / "out").dataset()
    path = made / "out" / ("manifest.json" if damage == "manifest" else "shard-00001.items.npy")
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(content[:-3])
    elif damage == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        path.write_bytes(content.replace(b'"n_users": 40', b'"n_users": 41'))
    with pytest.raises(DataError, match=rf"{path.name}.*(llminit data prepare|prepare it again)"):
        load_dataset(made / "out", None, DataConfig())
    prepare_interactions(made / "in.parquet", made / "out", rows_at_once=50)
    _assert_same(open_prepared(made / "out").dataset(), expected)


def test_too_little_disk_or_memory_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk or the memory has no room for is refused before any rows are coded."""
    pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    with monkeypatch.context() as patched:
        patched.setattr(room_module, "free_space", lambda _: 60)
        with pytest.raises(StorageError, match=r"preparing 2 rows needs up to .* are free; free some space"):
            prepare_interactions(tmp_path / "t.parquet", tmp_path / "out")
    monkeypatch.setattr(room_module, "available_memory", lambda: 10**8)
    with pytest.raises(ConfigError, match=r"rows_at_once=2000000 needs about .* of memory"):
        prepare_interactions(tmp_path / "t.parquet", tmp_path / "out")
    assert not list(tmp_path.rglob("run-*"))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([{"user_id": [1], "item_id": ["a"]}, {"user_id": ["b"], "item_id": ["a"]}], "is Int64 in .* and String in "),
        ([{"user_id": [1, None], "item_id": [1, 2]}], "has 1 missing ids of 2"),
        ([{"user_id": [1.5], "item_id": [1]}], "ids with fractions"),
        ([{"user_id": [1], "item": [1]}], "has no column 'item_id'"),
        ([{"user_id": [1], "item_id": [1]}, {"user_id": [1], "item_id": [1], "rating": [1]}], "the same columns"),
        ([{"user_id": [1], "item_id": [1], "timestamp": [2**63 - 1]}], "cannot be told from a missing one"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, tables: list[dict[str, Any]], message: str) -> None:
    """What cannot be used is said with the file, and nothing is left in the place of the result."""
    for index, table in enumerate(tables):
        pl.DataFrame(table).write_parquet(tmp_path / f"t{index}.parquet")
    with pytest.raises(DataError, match=message):
        prepare_interactions(sorted(tmp_path.glob("*.parquet")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_input_is_named(tmp_path: Path) -> None:
    """A file that is not whole is named, with what to do."""
    pl.DataFrame({"user_id": range(1000), "item_id": range(1000)}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"cannot read .*b\.parquet: .*: write or fetch it again"):
        prepare_interactions([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out")


def test_other_things_in_the_place_of_the_result_stay(tmp_path: Path) -> None:
    """A folder with other things is not replaced, and is no prepared one."""
    pl.DataFrame({"user_id": [1], "item_id": [1]}).write_parquet(tmp_path / "t.parquet")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other things"):
        prepare_interactions(tmp_path / "t.parquet", tmp_path / "out")
    assert not is_prepared(tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
