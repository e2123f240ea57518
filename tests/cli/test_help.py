"""Help and version."""

import subprocess
import sys

import pytest

from command_line import Run
from llminit import __version__
from llminit.cli.help import NAMES_OF_MODELS_AND_STARTS
from llminit.pipeline.parts import PART_OPTIONS


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


def test_the_names_of_parts_are_those_that_exist() -> None:
    """The options whose help lists parts are all that take the name of a model or a start."""
    assert set(NAMES_OF_MODELS_AND_STARTS) == set(PART_OPTIONS)


def test_help_without_models_waits_for_none() -> None:
    """The help of a command that names no model imports neither torch nor the kernels."""
    program = (
        "import sys; from llminit.cli.main import main\n"
        "try: main(['recommend', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(len({'torch', 'numba'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, "--user" in ran.stdout) == (0, True), ran.stderr
