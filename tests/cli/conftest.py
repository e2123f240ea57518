"""The planted data as files, and the command line run in this process or in one of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llminit.cli.main import main
from llminit.text import ENCODERS
from planted import World, plant


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout, and nothing else."""
        return json.loads(self.stdout)


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def world() -> World:
    return plant()


@pytest.fixture(scope="session")
def tables(world, tmp_path_factory) -> Path:
    """A folder with interactions, items and embeddings as Parquet; do not write to it."""
    folder = tmp_path_factory.mktemp("tables")
    world.interactions.write_parquet(folder / "interactions.parquet")
    world.items.write_parquet(folder / "items.parquet")
    world.embeddings.write_parquet(folder / "embeddings.parquet")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep the user's cache and settings out of the tests."""
    monkeypatch.setenv("LLMINIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("OPENAI_API_KEY", "LLMINIT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys) -> Run:
    """Run the command line in this process."""

    def call(*arguments: Any) -> Ran:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
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
def fit_options(tables) -> list[str]:
    """Options of a quick fit, all but --out."""
    options = {name: tables / f"{name}.parquet" for name in ("interactions", "items", "embeddings")}
    options |= {"embedding-size": 8, "epochs": 3}
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="session")
def fitted(fit_options, tmp_path_factory) -> Path:
    """A saved recommender; do not write to it."""
    folder = tmp_path_factory.mktemp("fitted") / "recommender"
    assert main(["fit", *fit_options, "--out", str(folder)]) == 0
    return folder


class HashEncoder:
    """Makes a vector out of a text's length and first letters, and counts the texts."""

    name = "hash"

    def __init__(self) -> None:
        self.n_encoded = 0

    def identity(self) -> dict[str, str]:
        return {"encoder": "hash"}

    def encode(self, texts):
        self.n_encoded += len(texts)
        seeds = [list(text.encode()) for text in texts]
        return np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], dtype=np.float32)


@pytest.fixture
def hash_encoder() -> Iterator[HashEncoder]:
    """An encoder whose SPEC is `hash`."""
    encoder = HashEncoder()
    ENCODERS.register(lambda: encoder, name="hash")
    yield encoder
    ENCODERS.remove("hash")
