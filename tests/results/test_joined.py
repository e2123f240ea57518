"""Two results of one comparison, read as one."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import archive_results as archiving
from llminit.errors import ConfigError
from llminit.results import Archive, CellKey, Failure, Joined, ResultsFolder, write_archive
from sample_cells import COLUMNS, SPLIT, cell, header
from synthetic_results import SMALL, write_results

WHOLE = replace(SMALL, seeds=(0, 1, 2), inits=("xavier", "whiten"))


def test_parts_joined_are_the_whole(tmp_path: Path) -> None:
    """An archive of two seeds that is extended by a folder of the third holds the cells and ranks of all three."""
    whole = write_archive(write_results(tmp_path / "whole", WHOLE), tmp_path / "archive-of-whole")
    write_results(tmp_path / "part", replace(WHOLE, seeds=(0, 1)))
    archiving.main([str(tmp_path / "part"), "--out", str(tmp_path / "out")])
    shutil.rmtree(tmp_path / "part")
    write_results(tmp_path / "part", replace(WHOLE, seeds=(2,)))
    archiving.main([str(tmp_path / "part"), "--out", str(tmp_path / "out"), "--extend"])
    found = Archive(tmp_path / "out" / "part")
    assert found.cells() == whole.cells()
    assert sorted(found.header.planned) == sorted(whole.header.planned)
    for one in whole.cells():
        assert found.split(one.split).equals(whole.split(one.split))
        for protocol, ranks in whole.ranks(one).items():
            assert (found.ranks(one)[protocol].ranks == ranks.ranks).all()


def test_cells_that_are_there_stay(tmp_path: Path) -> None:
    """Of a cell that both have, the first one's counts; a failure of one that the other finished is none."""
    first, second = ResultsFolder(tmp_path / "first"), ResultsFolder(tmp_path / "second")
    for folder, seconds in ((first, 1.0), (second, 2.0)):
        folder.write_header(header().model_copy(update={"planned": [folder.path.name], "command": folder.path.name}))
        folder.write_split("seed-0", SPLIT)
        folder.write_cell(cell(model="ease").model_copy(update={"seconds": {"fit": seconds}}), COLUMNS)
    second.write_cell(cell(model="edlae").model_copy(update={"seconds": {"fit": 3.0}}), COLUMNS)
    first.write_failure(Failure(key=CellKey(model="edlae"), error="too large"))
    first.write_failure(Failure(key=CellKey(model="l3ae"), error="too large"))
    joined = Joined(first, second)
    assert [(one.key.model, one.seconds["fit"]) for one in joined.cells()] == [("ease", 1.0), ("edlae", 3.0)]
    assert [one.key.model for one in joined.failures()] == ["l3ae"]
    assert (joined.header.planned, joined.header.command) == (["first", "second"], "first\nsecond")
    assert joined.rank_limit == first.rank_limit
    assert isinstance(joined.split("seed-0"), pl.DataFrame)


def test_other_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results with another fingerprint are not joined, and the archive stays as it was."""
    small = write_results(tmp_path / "beauty", SMALL)
    archive = write_archive(small, tmp_path / "out" / "beauty")
    before = {path.name: path.read_bytes() for path in archive.path.iterdir()}
    other = ResultsFolder(tmp_path / "other")
    other.write_header(small.header.model_copy(update={"fingerprint": "0" * 64}))
    with pytest.raises(ConfigError, match="are not of one comparison"):
        Joined(archive, other)
    (tmp_path / "new").mkdir()
    other.path.rename(tmp_path / "new" / "beauty")
    with pytest.raises(SystemExit):
        archiving.main([str(tmp_path / "new" / "beauty"), "--out", str(tmp_path / "out"), "--extend"])
    assert "expected the same" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in archive.path.iterdir()} == before
