"""The package as it is imported and installed."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

import llminit

HEAVY = {"torch", "sentence_transformers", "model2vec", "openai", "fastapi"}
HEAVY |= {"numba", "optuna", "polars", "scipy", "typer"}


def modules_after(code: str) -> set[str]:
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_is_light() -> None:
    """`import llminit` loads none of the heavy libraries."""
    assert not modules_after("import llminit; llminit.__version__; dir(llminit)") & HEAVY


def test_the_command_line_starts_light() -> None:
    """The command line's start loads neither torch nor numba, nor an encoder or Optuna."""
    loaded = modules_after("import llminit.cli.main")
    assert not loaded & {"torch", "sentence_transformers", "model2vec", "openai", "numba", "optuna"}


@pytest.mark.skipif(sys.platform != "linux", reason="on Linux, numba and torch run their threads by GNU's OpenMP")
@pytest.mark.parametrize(("given", "expected"), [({}, "3000"), ({"GOMP_SPINCOUNT": "77"}, "77")])
def test_a_waiting_thread_soon_sleeps(given: dict[str, str], expected: str) -> None:
    """OpenMP says that it has read how long a thread may spin; who has set it keeps it."""
    script = """
import llminit, numba, torch

@numba.njit(parallel=True)
def total(n):
    found = 0
    for i in numba.prange(n):
        found += i
    return found

assert total(9) == 36
"""
    free = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment = free | given | {"OMP_DISPLAY_ENV": "VERBOSE"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert set(re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)) == {expected}


def test_public_names() -> None:
    """There are at most 12 public names, all of them resolve, and nothing else does."""
    assert len(llminit.__all__) <= 12
    assert dir(llminit) == llminit.__all__
    for name in llminit.__all__:
        assert getattr(llminit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = llminit.nonsense


def test_version() -> None:
    """The version is that of the installed package, where it is installed."""
    try:
        assert metadata.version("llminit") == llminit.__version__
    except metadata.PackageNotFoundError:
        pytest.skip("the package is not installed here; its source is imported")


def test_errors_are_one_tree() -> None:
    """Every error that is raised on purpose is an LLMInitError, and also the built-in kind that people catch."""
    from llminit import errors

    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and getattr(kind, "__module__", "") == errors.__name__
    ]
    assert all(issubclass(kind, llminit.LLMInitError) for kind in kinds)
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.StorageError, OSError)
    assert "pip install 'llminit[static]'" in str(errors.MissingExtraError("model2vec", "static"))
