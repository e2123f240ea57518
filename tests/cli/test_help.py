"""Help and version."""

import pytest

from command_line import Run
from llminit import __version__


def test_version(run: Run) -> None:
    """--version prints the version and nothing else."""
    ran = run("--version")
    assert (ran.code, ran.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("command", "panels"),
    [("fit", ["Training", "Data", "Split", "Model"]), ("compare", ["Training", "Data", "Split", "Grid"])],
)
def test_options_stand_under_headings(run: Run, command: str, panels: list[str]) -> None:
    """The options of a configuration are grouped by what they are about."""
    ran = run(command, "--help")
    assert ran.code == 0
    headings = [line.strip("╭─╮ ") for line in ran.stdout.splitlines() if line.startswith("╭─")]
    assert headings == ["Options", *panels]


def test_the_help_of_parts_says_how_selectors_compose(run: Run) -> None:
    """An example of a composition and every stage stand in the help of `llminit parts`."""
    ran = run("parts", "--help")
    assert ran.code == 0
    assert all(word in ran.stdout for word in ("center|pca:96+svd:32", "unit", "whiten", "propagate:WEIGHT", "svd"))
