"""The examples of exports, run as they stand beside a folder `model`."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from exported import best
from llminit import Recommender
from llminit.export import TARGETS
from other_programs import recbole_python, running_server

EXAMPLES = {path.stem: path for path in (Path(__file__).parents[2] / "examples").glob("export_*.py")}
WITHOUT_SEEN = {"export_implicit", "export_pgvector"}
NEEDS = {
    "export_cosine": "qdrant_client",
    "export_faiss": "faiss",
    "export_implicit": "implicit",
    "export_lancedb": "lancedb",
    "export_pyg": "torch_geometric",
    "export_qdrant": "qdrant_client",
    "export_usearch": "usearch",
}
ALONE = {"export_recbole", "export_pgvector"}

RUN_ALL = """
import contextlib, io, json, runpy, sys, traceback

answers = {}
for path in sys.argv[1:]:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(path, run_name="__main__")
    except Exception:
        printed.write(traceback.format_exc())
    answers[path] = printed.getvalue()
print(json.dumps(answers))
"""


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command beside the model and return the last line that it prints."""
    call = [sys.executable, *command]
    done = subprocess.run(
        call, capture_output=True, text=True, check=False, cwd=folder, env=os.environ | environment, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def beside(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model`, in which the examples run."""
    folder = tmp_path_factory.mktemp("beside")
    shutil.copytree(saved, folder / "model")
    return folder


@pytest.fixture(scope="module")
def answers(beside: Path) -> dict[str, str]:
    """What each example prints that needs no other program; all are run in one process, to import torch once."""
    names = [name for name in EXAMPLES if name not in ALONE and (name not in NEEDS or find_spec(NEEDS[name]))]
    printed = json.loads(run(["-c", RUN_ALL, *(str(EXAMPLES[name]) for name in names)], beside))
    return {Path(path).stem: text for path, text in printed.items()}


def test_every_target_has_an_example() -> None:
    """There is one for each target and one for the form "cosine", of at most ten lines apart from imports."""
    assert set(EXAMPLES) == {*(f"export_{target}" for target in TARGETS), "export_cosine"}
    for path in EXAMPLES.values():
        _, _, code = path.read_text(encoding="utf-8").partition('"""\n')
        lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
        assert 2 <= len(lines) <= 10, path


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - ALONE))
def test_examples(name: str, answers: dict[str, str], recommender: Recommender) -> None:
    """Each prints the first user and the ten best items of the model, or of those that the user does not have."""
    if name not in answers:
        pytest.skip(f"{NEEDS[name]} is not installed")
    user, items = next(iter(best(recommender, exclude_seen=name in WITHOUT_SEEN).items()))
    assert answers[name] == f"{user} {items}\n"


def test_the_example_for_pgvector(beside: Path, recommender: Recommender) -> None:
    """The same, by SQL."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    user, items = next(iter(best(recommender, exclude_seen=True).items()))
    with running_server() as address:
        assert run([str(EXAMPLES["export_pgvector"])], beside, DATABASE=address) == f"{user} {items}"


def test_the_example_for_recbole(beside: Path) -> None:
    """RecBole trains, and prints the metrics of the start and of the best epoch."""
    printed = run([str(EXAMPLES["export_recbole"])], beside, RECBOLE_PYTHON=recbole_python())
    assert set(json.loads(printed)) == {"start", "trained"}
