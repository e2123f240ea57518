"""An archive of results: four small files with the contents of the results folder, whose damage is noticed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.checksums import sha256_of_file
from llminit.comparison import compare
from llminit.config import Protocol
from llminit.errors import ArtefactError, ConfigError, DataError, StorageError
from llminit.evaluation import METRICS, PROTOCOLS, mean_metric
from llminit.report import write_report
from llminit.results import Archive, Cell, CellKey, Failure, ResultsFolder, open_results, write_archive
from llminit.results.tidy import measures_of, tidy_rows
from llminit.verdicts.judge import verdicts_of
from sample_cells import COLUMNS, SPLIT, cell, header
from synthetic_results import HOSTILE_TITLE, SMALL, write_results

FILES = ["archive.json", "cells.json.gz", "ranks.parquet", "results.parquet"]
WRITTEN = replace(SMALL, seeds=(0, 1, 2), shares=(0.5,), inits=("xavier", "whiten"), with_map=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    """A results folder with thinned training data, a map and a failure; do not write to it."""
    made = write_results(tmp_path_factory.mktemp("results") / "beauty", WRITTEN)
    made.write_failure(Failure(key=CellKey(model="edlae"), error="too large"))
    return made


@pytest.fixture(scope="module")
def archive(folder: ResultsFolder, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Its archive; do not write to it."""
    return write_archive(folder, tmp_path_factory.mktemp("archives") / "beauty")


def small(path: Path) -> ResultsFolder:
    made = ResultsFolder(path)
    made.write_header(header())
    made.write_split("seed-0", SPLIT)
    for key in ({"model": "ease"}, {"model": "lightgcn", "init": "pca", "encoder": "ü", "embedding_size": 8}):
        made.write_cell(cell(**key), COLUMNS)
    return made


def test_header_cells_and_failures_come_back(folder: ResultsFolder, archive: Archive) -> None:
    """All comes back equal, but that histories are rounded and the group "all" does not repeat a cell's metrics."""
    assert archive.header == folder.header
    assert archive.failures() == folder.failures() != []
    assert len(archive.cells()) == len(folder.cells())
    for found, expected in zip(archive.cells(), folder.cells(), strict=True):
        groups = {
            protocol: by_name | {"all": {"n": by_name["all"]["n"]}} for protocol, by_name in expected.groups.items()
        }
        assert found == expected.model_copy(update={"groups": groups, "history": found.history})
        for record, exact in zip(found.history or [], expected.history or [], strict=True):
            assert record == pytest.approx(exact, rel=1e-5)


def test_the_tidy_table_is_a_file(folder: ResultsFolder, archive: Archive) -> None:
    """results.parquet is the tidy table of the results."""
    expected = folder.tidy()
    assert pl.read_parquet(archive.path / "results.parquet").equals(expected)
    assert archive.tidy().equals(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_verdicts_are_the_same(folder: ResultsFolder, archive: Archive, protocol: Protocol) -> None:
    """Every number of every verdict is that of the results folder, to the last digit, up to the ranks that are kept."""
    for metric in ("recall@10", "ndcg@20"):
        expected = verdicts_of(folder, metric, protocol)
        assert list(map(asdict, verdicts_of(archive, metric, protocol))) == list(map(asdict, expected)) != []


def test_splits_and_ranks_come_back(tmp_path: Path) -> None:
    """Ranks come back in the order of the split, several items of a user too, and those above the limit as one more."""
    made = small(tmp_path / "whole")
    archive = write_archive(made, tmp_path / "archive", ranks_up_to=10)
    assert archive.split("seed-0").equals(made.split("seed-0"))
    for original in made.cells():
        expected = made.ranks(original)
        for protocol, ranks in archive.ranks(original).items():
            for name in ("users", "indptr", "items"):
                np.testing.assert_array_equal(getattr(ranks, name), getattr(expected[protocol], name))
            np.testing.assert_array_equal(ranks.ranks, np.minimum(expected[protocol].ranks, 11))
            assert mean_metric(ranks, "ndcg@10") == original.metrics[protocol]["ndcg@10"]


def test_metrics_beyond_the_kept_ranks_are_refused(folder: ResultsFolder, archive: Archive, tmp_path: Path) -> None:
    """A metric beyond the ranks that are kept is refused, and so is a limit below or above what is possible."""
    with pytest.raises(ConfigError, match=r"recall@50 looks below rank 20, where ranks are not kept; lower its k"):
        verdicts_of(archive, "recall@50")
    with pytest.raises(ConfigError, match=r"ranks_up_to=9 is not between 10.*and 1000"):
        write_archive(folder, tmp_path / "a", ranks_up_to=9)
    with pytest.raises(ConfigError, match=r"ranks_up_to=21 is not between 10.*and 20"):
        write_archive(archive, tmp_path / "a", ranks_up_to=21)
    assert not (tmp_path / "a").exists()
    with pytest.raises(ArtefactError, match="no cell ease_seed-9"):
        archive.ranks(cell(seed=9))
    with pytest.raises(ArtefactError, match="no split seed-9"):
        archive.split("seed-9")


def test_only_codes_are_kept(folder: ResultsFolder, archive: Archive) -> None:
    """An archive is four files: no map, no title, and no more of a test interaction than codes, counts and ranks."""
    assert (folder.path / "maps").is_dir()
    assert sorted(file.name for file in archive.path.iterdir()) == FILES
    assert pl.read_parquet(archive.path / "ranks.parquet").schema == {
        "user": pl.Int32,
        "split": pl.String,
        "cell": pl.String,
        "user_degree": pl.Int32,
        "item_popularity": pl.Int32,
        "standard": pl.UInt16,
        "paper": pl.UInt16,
    }
    assert not any(HOSTILE_TITLE.encode() in file.read_bytes() for file in archive.path.iterdir())


def test_the_same_results_give_the_same_bytes(folder: ResultsFolder, archive: Archive, tmp_path: Path) -> None:
    """Written again, from the results folder or from the archive itself, an archive does not change."""
    expected = [sha256_of_file(archive.path / name) for name in FILES]
    for source in (folder, archive):
        again = write_archive(source, tmp_path / "again")
        assert [sha256_of_file(again.path / name) for name in FILES] == expected


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_damage_is_noticed(archive: Archive, tmp_path: Path, name: str, damage: str) -> None:
    """One flipped bit, a file that was cut short and one that is lost are refused by name, whatever is read."""
    path = shutil.copytree(archive.path, tmp_path / "a") / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content if damage == "flipped" else content[:-1])
    if damage == "missing":
        path.unlink()
    first = archive.cells()[0]
    reads: list[Callable[[Archive], object]] = [Archive.cells, lambda damaged: damaged.ranks(first), Archive.failures]
    for read in reads:
        with pytest.raises(ArtefactError, match=rf"{name}.*restore it, or write the archive again"):
            read(Archive(tmp_path / "a"))


def test_all_damage_is_named_at_once(archive: Archive, tmp_path: Path) -> None:
    """Where several files are damaged, the message has a line for each."""
    path = shutil.copytree(archive.path, tmp_path / "a")
    for name in FILES[1:]:
        (path / name).write_bytes(b"")
    with pytest.raises(ArtefactError) as error:
        Archive(path).cells()
    assert [line.split(" does not match")[0] for line in sorted(str(error.value).splitlines())] == [
        str(path / name) for name in FILES[1:]
    ]


def test_archives_and_results_folders_are_opened(folder: ResultsFolder, archive: Archive, tmp_path: Path) -> None:
    """An archive and a results folder are told apart by their files; where there is neither, reading is an error."""
    assert type(open_results(archive.path)) is Archive
    assert type(open_results(str(folder.path))) is ResultsFolder
    assert open_results(archive.path).exists
    assert not open_results(tmp_path).exists
    with pytest.raises(ArtefactError, match="not a results folder"):
        _ = open_results(tmp_path).header


def test_a_report_of_an_archive(archive: Archive, tmp_path: Path) -> None:
    """`write_report` makes its page from an archive too; the map, which archives do not hold, is left out."""
    pytest.importorskip("plotly")
    page = write_report(archive.path, tmp_path / "report.html").read_text(encoding="utf-8")
    for name in ("verdict", "learning", "groups", "collapse", "cost"):
        assert f'id="{name}"' in page
    assert 'id="maps"' not in page


def test_an_archive_is_not_extended(archive: Archive, tmp_path: Path) -> None:
    """`compare` does not write into an archive, and the error names the remedy; the archive stays as it was."""
    path = shutil.copytree(archive.path, tmp_path / "a")
    with pytest.raises(StorageError, match=r"is an archive.*compare into another folder"):
        compare(tmp_path / "interactions.csv", out=path)
    assert sorted(file.name for file in path.iterdir()) == FILES


def test_nothing_else_is_replaced(tmp_path: Path) -> None:
    """An archive replaces an archive, but neither the results folder that it is made from nor other files."""
    made = small(tmp_path / "whole")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="other things"):
        write_archive(made, made.path)
    assert sorted(tmp_path.rglob("*")) == before
    write_archive(made, tmp_path / "a")
    assert write_archive(made, tmp_path / "a", ranks_up_to=30).rank_limit == 30


def test_nothing_to_archive(tmp_path: Path) -> None:
    """A comparison without a finished cell is refused."""
    made = ResultsFolder(tmp_path / "r")
    made.write_header(header())
    with pytest.raises(DataError, match="no finished cell yet"):
        write_archive(made, tmp_path / "a")


def test_another_format_version(archive: Archive, tmp_path: Path) -> None:
    """An archive of another format version is refused with both versions."""
    path = shutil.copytree(archive.path, tmp_path / "a") / "archive.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"format": 7}), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"format version 7.*reads version 1"):
        Archive(tmp_path / "a").cells()


PARTS = ("metrics", "groups", "beyond")
_VALUES = st.dictionaries(
    st.builds("{}@{}".format, st.sampled_from([*METRICS]), st.integers(1, 99)),
    st.floats(allow_nan=False, allow_infinity=False),
    min_size=1,
)
_GROUPS = st.dictionaries(
    st.sampled_from(["all", "user_degree=1", "item_popularity=tail"]),
    st.builds(lambda n, values: {"n": n} | values, st.integers(0, 2**31 - 1), _VALUES),
)
_BEYOND = st.dictionaries(st.sampled_from(["coverage@10", "gini@20"]), st.floats(0, 1))
_CELLS = st.builds(
    lambda seed, model, parts: Cell(
        key=CellKey(model=model, seed=seed), fingerprint="f", split="s", **dict(zip(PARTS, parts, strict=True))
    ),
    st.integers(0, 3),
    st.sampled_from(["ease", "edlae"]),
    st.tuples(*(st.dictionaries(st.sampled_from(PROTOCOLS), part) for part in (_VALUES, _GROUPS, _BEYOND))),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_CELLS, unique_by=lambda one: one.key.name, max_size=4))
def test_measures_come_back_from_their_rows(cells: list[Cell]) -> None:
    """The measures of cells, read from the tidy rows, have the same tidy rows."""
    rows = tidy_rows(cells)
    measures = measures_of(rows)
    assert measures.keys() <= {one.key for one in cells}
    again = [one.model_copy(update=measures.get(one.key, {part: {} for part in PARTS})) for one in cells]
    assert tidy_rows(again).equals(rows)
