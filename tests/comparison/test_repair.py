"""Damaged, failed and interrupted cells: they are named and run again, and no finished cell is lost."""

import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llminit.comparison import execute
from llminit.comparison.cell import Measured, run_cell
from llminit.comparison.execute import Job, Workplace
from llminit.config import CompareConfig
from llminit.errors import ArtefactError, ConfigError
from llminit.evaluation import mean_metric
from llminit.pipeline.prepared import PreparedData
from llminit.results import CellKey, ResultsFolder
from watching import Compare, RecordingReporter, names, stamps


def test_a_damaged_cell_is_named_and_can_be_run_again(compare: Compare) -> None:
    """A damaged cell is named before any work; deleted, it is run again to the same metrics, and only it."""
    folder = compare()
    before, name = stamps(folder), "lightgcn_xavier_d8_seed-0"
    metrics = folder.cell(name).metrics
    path = folder.path / "cells" / f"{name}.json"
    path.write_text(path.read_text(encoding="utf-8")[:300], encoding="utf-8")
    with pytest.raises(ArtefactError, match=rf"{name} is damaged: delete cells/{name}\.json"):
        compare(seeds=2)
    assert len(names(folder)) == 3
    path.unlink()
    assert compare().cell(name).metrics == metrics
    after = stamps(folder)
    assert {key for key in before if after[key] != before[key]} == {f"{name}.json", f"{name}.ranks.parquet"}


@pytest.mark.parametrize("damage", ["lost", "cut", "another's"])
def test_damaged_ranks_are_named_before_any_work(compare: Compare, damage: str) -> None:
    """Ranks that no report could be made from are found by the next call, not by the report."""
    folder = compare()
    name = "lightgcn_xavier_d8_seed-0"
    path = folder.path / "cells" / f"{name}.ranks.parquet"
    if damage == "lost":
        path.unlink()
    else:
        other = folder.path / "cells" / "popularity_seed-0.ranks.parquet"
        path.write_bytes(path.read_bytes()[:-1] if damage == "cut" else other.read_bytes())
    with pytest.raises(ArtefactError, match=rf"{name} is damaged: delete cells/{name}\.json"):
        compare(seeds=2)
    assert len(names(folder)) == 3
    (folder.path / "cells" / f"{name}.json").unlink()
    folder = compare()
    assert all(folder.ranks(cell) for cell in folder.cells())


def test_a_cell_of_another_comparison_is_refused(compare: Compare, tmp_path: Path) -> None:
    """A cell that was copied from a comparison with other options is refused."""
    other, folder = compare(out=tmp_path / "other", epochs=1), compare()
    for path in (other.path / "cells").glob("lightgcn_pca*"):
        (folder.path / "cells" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ArtefactError, match="lightgcn_pca_embeddings_d8_seed-0 was made from other data"):
        compare()


def test_a_cell_that_is_written_is_finished(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies after it has written its cell has finished it, and its leftovers are removed."""
    real = Workplace.execute

    def die_after(workplace: Workplace, job: Job, *rest: Any) -> None:
        real(workplace, job, *rest)
        folder = ResultsFolder(workplace.out)
        folder.checkpoint_path(job.key.name).write_bytes(b"state")
        (workplace.out / "cells" / ".ranks.12345678.partial.parquet").mkdir(exist_ok=True)
        raise OSError("killed")

    monkeypatch.setattr(Workplace, "execute", die_after)
    folder = compare()
    assert folder.failures() == []
    assert len(names(folder)) == 3
    assert not list((folder.path / "cells").glob(".*"))


def test_a_failing_cell_does_not_stop_the_others(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that fails is noted with its reason, the others finish, and the next call tries it again."""
    real = run_cell

    def sometimes(data: PreparedData, config: CompareConfig, key: CellKey, *rest: Any, **options: Any) -> Measured:
        if key.init == "xavier":
            raise ConfigError("the loss became nan")
        return real(data, config, key, *rest, **options)

    monkeypatch.setattr(execute, "run_cell", sometimes)
    folder = compare()
    assert [(failure.key.init, failure.error) for failure in folder.failures()] == [("xavier", "the loss became nan")]
    assert len(names(folder)) == 2
    before = stamps(folder)
    monkeypatch.setattr(execute, "run_cell", real)
    assert compare().failures() == []
    after = stamps(folder)
    assert {name: after.get(name) for name in before if "failed" not in name} == {
        name: stamp for name, stamp in before.items() if "failed" not in name
    }
    assert len(names(folder)) == 3


def test_failures_of_other_calls_are_not_those_of_this_one(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call tells its own failures from those that an earlier, larger grid left, and from cells finished since."""
    real = run_cell

    def never_xavier(data: PreparedData, config: CompareConfig, key: CellKey, *rest: Any, **options: Any) -> Measured:
        if key.init == "xavier":
            raise ConfigError("the loss became nan")
        return real(data, config, key, *rest, **options)

    monkeypatch.setattr(execute, "run_cell", never_xavier)
    first = compare()
    assert [failure.key.init for failure in first.new_failures()] == ["xavier"]
    smaller = compare(inits="pca")
    assert (smaller.new_failures(), smaller.failures()) == ([], first.failures())
    monkeypatch.setattr(execute, "run_cell", real)
    left = first.failures()[0]
    compare().write_failure(left)  # As a process leaves it that is killed between the two files.
    last = compare()
    assert (last.new_failures(), last.failures()) == ([], [])
    assert not list(last.path.rglob("*.failed.json"))


def test_missing_splits_are_written_again(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits that finished cells need are written again as they were, of earlier grids too, and nothing is trained."""
    folder = compare(backbones="", seeds=2, train_share="1,0.5", max_history="all,2")
    before = {path.stem: pl.read_parquet(path) for path in (folder.path / "splits").glob("*.parquet")}
    assert len(before) == 8
    for name in before:
        (folder.path / "splits" / f"{name}.parquet").unlink()
    monkeypatch.setattr(execute, "run_cell", None)
    reporter = RecordingReporter()
    compare(backbones="", reporter=reporter)
    assert sum("was missing and was written again" in note for note in reporter.notes) == 8
    assert {path.stem for path in (folder.path / "splits").glob("*.parquet")} == before.keys()
    assert all(ResultsFolder(folder.path).split(name).equals(rows) for name, rows in before.items())


def test_a_damaged_split_is_named_before_any_work(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged split is named before anything is trained or written; deleted, the same command writes it again."""
    folder = compare()
    path = folder.path / "splits" / "seed-0.parquet"
    rows = pl.read_parquet(path)
    path.write_bytes(path.read_bytes()[:-9])
    before, header = stamps(folder), folder.header
    with monkeypatch.context() as patched:
        patched.setattr(execute, "run_cell", None)
        with pytest.raises(ArtefactError, match=r"seed-0\.parquet cannot be read .* delete it"):
            compare(inits="xavier,pca,uniform", seeds=2)
    assert (stamps(folder), folder.header) == (before, header)
    path.unlink()
    assert compare(inits="xavier,pca,uniform").failures() == []
    assert pl.read_parquet(path).equals(rows)


def test_interrupted_cells_continue(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that is interrupted leaves its state, continues from it to the same metrics, and cleans up."""
    undisturbed = compare(out=compare().path.with_name("u")).cell("lightgcn_xavier_d8_seed-0")
    folder = compare(baselines="none", inits="pca", out=compare().path.with_name("i"))
    calls, real = list[int](), mean_metric

    def fail_at_the_second(*arguments: Any) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        time.sleep(0.5 if len(calls) == 1 else 0)
        return real(*arguments)

    monkeypatch.setattr("llminit.pipeline.validation.mean_metric", fail_at_the_second)
    again = {"baselines": "none", "inits": "xavier", "out": folder.path, "checkpoint_seconds": 0}
    with pytest.raises(KeyboardInterrupt):
        compare(**again)
    assert folder.checkpoint_path("lightgcn_xavier_d8_seed-0").exists()
    assert names(folder) == {"lightgcn_pca_embeddings_d8_seed-0"}
    resumed = compare(**again).cell("lightgcn_xavier_d8_seed-0")
    assert (resumed.metrics, len(calls)) == (undisturbed.metrics, 4)
    assert resumed.history is not None
    assert resumed.seconds["fit"] >= resumed.history[-1]["seconds"] > 0.5
    assert not [path.name for path in folder.path.rglob(".*")]
