"""`llminit report`."""

from pathlib import Path

from command_line import Run
from synthetic_results import SMALL, write_results


def test_a_report_is_one_file(run: Run, tmp_path: Path) -> None:
    """The command writes the page, says where, and with --json prints one object."""
    write_results(tmp_path / "results", SMALL)
    out = tmp_path / "deep" / "report.html"
    ran = run("report", tmp_path / "results", "--out", out, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.json == {"out": str(out), "bytes": out.stat().st_size}
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in out.parent.iterdir()] == ["report.html"]
    assert str(out) in run("report", tmp_path / "results", "--out", out).stdout


def test_a_wrong_folder_is_bad_input(run: Run, tmp_path: Path) -> None:
    """A folder without results is bad input: exit code 2, the folder named, no file written."""
    ran = run("report", tmp_path, "--out", tmp_path / "report.html")
    assert ran.code == 2
    assert "not a results folder" in ran.stderr
    assert not (tmp_path / "report.html").exists()
