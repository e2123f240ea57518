"""`llminit data`."""

from pathlib import Path

import pytest

from command_line import Run
from planted import everything_under

NAMES = {"ml-100k", "ml-latest-small"}


def test_list(run: Run) -> None:
    """The list names each data set with its counts, for people and machines."""
    ran = run("data", "list", "--json")
    assert ran.code == 0
    sources = {source["name"]: source for source in ran.json["sources"]}
    assert sources.keys() >= NAMES
    assert len(sources) >= 6
    assert (sources["ml-100k"]["users"], sources["ml-100k"]["items"]) == (943, 1682)
    assert sources["ml-100k"]["interactions"] == 100_000
    assert "ml-100k" in run("data", "list").stdout


@pytest.mark.parametrize("arguments", [["get", "ml-100"], ["get"], ["nonsense"]])
def test_wrong_usage(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """An unknown or missing name is refused, before anything is fetched or written."""
    monkeypatch.chdir(tmp_path)
    ran = run("data", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
    assert everything_under(tmp_path) == {}
    if arguments[-1] == "ml-100":
        assert "ml-100k" in ran.stderr
