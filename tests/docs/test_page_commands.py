"""The page of results: the commands on it are those that made it, and one writes it."""

import re
import shlex
from pathlib import Path

import pytest

import write_results as script
from llminit.config import CompareConfig
from llminit.models import BACKBONES, BASELINES
from llminit.results import open_results
from results_page import commands
from results_page.markdown import PICTURES
from results_page.sources import DataSet, Plan
from results_pages import parsed

DOCS = Path(script.__file__).parent


def test_the_printed_command_is_the_comparison(data_sets: list[DataSet]) -> None:
    """The command that the page prints, given to the command line, means the planned comparison."""
    for data in data_sets:
        (command,) = commands.compare_commands(data)
        words = shlex.split(shlex.join(command))
        assert words[:2] == ["llminit", "compare"]
        assert parsed(words[2:]) == data.config
        assert words[-1] == f"results/{data.name}"


def test_folded_commands_are_the_commands(data_sets: list[DataSet], page: str) -> None:
    """The lines of a printed command, joined by the shell, are its words."""
    block = page.split("```sh\n")[1].split("```")[0]
    printed = [shlex.split(line) for line in re.sub(r"\\\n", "", block).splitlines()]
    assert commands.compare_commands(data_sets[0])[0] in printed
    assert printed[-2:] == [commands.archive_command(data_sets), commands.rewrite_command(data_sets)]
    assert max(map(len, block.splitlines())) <= 120


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no results folder ends in exit code 2 with a reason, and the page stays as it was."""
    out = tmp_path / "results.md"
    out.write_text("before", encoding="utf-8")
    with pytest.raises(SystemExit) as error:
        script.main([str(tmp_path), "--out", str(out)])
    assert error.value.code == 2
    assert "not a results folder" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "before"


def test_the_command_writes_the_page(root: Path, page: str, tmp_path: Path) -> None:
    """The command writes what `contents_of` returns, the pictures beside the page."""
    out = tmp_path / "results.md"
    given = [str(root / "beauty"), str(root / "toys"), "--planned", str(root / "planned.toml"), "--out", str(out)]
    script.main(given)
    assert out.read_text(encoding="utf-8") == page
    drawn = script.contents_of([root / "beauty", root / "toys"], root / "planned.toml")[1]
    assert sorted(drawn) == [
        f"{name}-quality-{scheme}.svg" for name in ("beauty", "toys") for scheme in ("dark", "light")
    ]
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pictures").iterdir()} == drawn


def test_the_page_is_short(page: str) -> None:
    """The page stays readable: no more lines than a person scrolls through."""
    assert len(page.splitlines()) < 300


def test_the_plan_is_one_that_compare_accepts() -> None:
    """The committed plan names only what `llminit compare` knows."""
    from llminit.comparison.grid import check_grid

    plan = Plan.from_toml(DOCS / "planned.toml")
    calls = [*plan.grid, plan.confirmation, *(further.grid for further in plan.further.values())]
    assert len(calls) > 4
    for call in calls:
        check_grid(CompareConfig.make(**call))
    named = {name for question in plan.question for name in question.models}
    assert named <= {*BACKBONES, *BASELINES}
    assert all(set(further.data) <= plan.data.keys() for further in plan.further.values())


def test_the_committed_page_is_up_to_date() -> None:
    """docs/results.md and its pictures are what the command writes from the committed results."""
    folders = [DOCS / "results" / name for name in ("beauty", "toys")]
    if not (DOCS / "results.md").is_file() or not all(open_results(folder).exists for folder in folders):
        pytest.skip("docs/results.md or its results are not there yet")
    page, drawn = script.contents_of(folders)
    assert (DOCS / "results.md").read_text(encoding="utf-8") == page
    assert {path.name: path.read_text(encoding="utf-8") for path in (DOCS / PICTURES).iterdir()} == drawn
