"""The planted data as files, and the command line run in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import HashEncoder, Ran, Run
from llminit.cli.main import main
from llminit.text import ENCODERS
from planted import World, plant


@pytest.fixture(scope="session")
def world() -> World:
    return plant()


@pytest.fixture(scope="session")
def tables(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with interactions, items and embeddings as Parquet; do not write to it."""
    folder = tmp_path_factory.mktemp("tables")
    world.interactions.write_parquet(folder / "interactions.parquet")
    world.items.write_parquet(folder / "items.parquet")
    world.embeddings.write_parquet(folder / "embeddings.parquet")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache and settings out of the tests."""
    monkeypatch.setenv("LLMINIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("OPENAI_API_KEY", "LLMINIT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""

    def call(*arguments: Any) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def run_process() -> Run:
    """Run `python -m llminit` as a process."""

    def call(*arguments: Any, **environment: str) -> Ran:
        command = [sys.executable, "-m", "llminit", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def fit_options(tables: Path) -> list[str]:
    """Options of a quick fit, all but --out."""
    options: dict[str, Any] = {name: tables / f"{name}.parquet" for name in ("interactions", "items", "embeddings")}
    options |= {"embedding-size": 8, "epochs": 3}
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="session")
def fitted(fit_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender; do not write to it."""
    folder = tmp_path_factory.mktemp("fitted") / "recommender"
    assert main(["fit", *fit_options, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def hash_encoder() -> Iterator[HashEncoder]:
    """An encoder whose SPEC is `hash`."""
    encoder = HashEncoder()
    ENCODERS.register(lambda: encoder, name="hash")
    yield encoder
    ENCODERS.remove("hash")
