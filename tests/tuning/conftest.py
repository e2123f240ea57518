"""Quick searches on the planted data."""

from pathlib import Path
from typing import Any

import pytest

import llminit
from llminit.tuning.result import Tuned
from planted import World, plant
from searching import Tune

QUICK: dict[str, Any] = {"trials": 6, "epochs": 4}


@pytest.fixture(scope="session")
def world() -> World:
    return plant()


@pytest.fixture
def tune(world: World, tmp_path: Path, one_thread: None) -> Tune:
    """Give a function that searches."""

    def call(**options: Any) -> Tuned:
        pair = (world.embeddings["item_id"], world.embeddings["embedding"].to_numpy())
        arguments: dict[str, Any] = {"out": tmp_path / "best.toml", "items": world.items, "embeddings": pair, **QUICK}
        arguments |= options
        return llminit.tune(arguments.pop("interactions", world.interactions), **arguments)

    return call
