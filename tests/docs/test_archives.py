"""The archives that docs/results.md is written from: the same page, small, and nothing that is not ours to publish."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import archive_results as archiving
import write_results as script
from llminit.results import Archive
from results_page import commands
from results_page.sources import Plan, load_data_sets
from synthetic_results import SMALL, write_results

DOCS = Path(script.__file__).parent
FILES = ["archive.json", "cells.json.gz", "ranks.parquet", "results.parquet"]
CONFIRMATION = replace(SMALL, seeds=(5, 6), inits=("whiten",))


def test_archives_give_the_same_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that the page prints keeps results, confirmations too, and the page from what it kept is the same."""
    monkeypatch.chdir(tmp_path)
    write_results(Path("results/beauty"), replace(SMALL, seeds=(0, 1, 2), with_map=True))
    write_results(Path("results/beauty-confirmation"), CONFIRMATION)
    folders = [Path("results/beauty")]
    page = script.text_of(folders)
    words = commands.archive_command(load_data_sets(folders, Plan.from_toml(DOCS / "planned.toml")))
    assert words[:4] == ["python", "docs/archive_results.py", "results/beauty", "results/beauty-confirmation"]
    archiving.main(words[2:])
    shutil.rmtree("results")
    assert script.text_of([Path("docs/results/beauty")]) == page
    assert "### Beauty: new seeds" in page


def test_what_cannot_be_archived_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without results, or too few ranks, ends in exit code 2 with a reason, and nothing is written."""
    write_results(tmp_path / "toys", SMALL)
    for given, reason in (
        ([str(tmp_path)], "not a results folder"),
        ([str(tmp_path / "toys"), "--ranks-up-to", "1"], "ranks_up_to=1 is not between 10"),
    ):
        with pytest.raises(SystemExit) as error:
            archiving.main([*given, "--out", str(tmp_path / "out")])
        assert error.value.code == 2
        assert reason in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_only_archives_are_committed() -> None:
    """What a results folder holds, such as maps with product titles and unfinished work, stays out of docs/results."""
    names = ["maps/a.parquet", ".work/a", ".lock", "cells/.a.checkpoint.safetensors", "results.json", "cells/a.json"]
    paths = [f"results/beauty/{name}" for name in [*names, *FILES]]
    command = ["git", "check-ignore", "--no-index", *paths]
    found = subprocess.run(command, cwd=DOCS, capture_output=True, text=True, check=False)
    if found.returncode not in (0, 1):
        pytest.skip("this is not a checkout")
    assert found.stdout.split() == paths[: len(names)]


def test_committed_results_are_small() -> None:
    """Whoever clones the repository gets 4 MB of results at most, in four files a folder, whole and undamaged."""
    folders = [path for path in (DOCS / "results").iterdir() if path.is_dir()]
    files = [path for path in (DOCS / "results").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4_000_000
    assert all(sorted(path.name for path in folder.iterdir()) == FILES for folder in folders)
    assert all(Archive(folder).cells() for folder in folders)
