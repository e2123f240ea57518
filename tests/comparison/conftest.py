"""Small comparisons on the planted data."""

from pathlib import Path
from typing import Any

import pytest

import llminit.comparison
from llminit.results import ResultsFolder
from planted import World, plant
from watching import Compare, Pair

QUICK = {"backbones": "lightgcn", "inits": "xavier,pca", "baselines": "popularity", "seeds": 1}
TRAINING = {"embedding_sizes": 8, "epochs": 3, "ks": "10,20"}


@pytest.fixture(scope="session")
def world() -> World:
    return plant()


@pytest.fixture(scope="session")
def pair(world: World) -> Pair:
    """Text embeddings as ids and an array."""
    return world.embeddings["item_id"], world.embeddings["embedding"].to_numpy()


@pytest.fixture
def compare(world: World, pair: Pair, tmp_path: Path, one_thread: None) -> Compare:
    """Compare in this process, into tmp_path / "r" unless `out` is another folder."""

    def call(**options: Any) -> ResultsFolder:
        arguments: dict[str, Any] = {
            "out": tmp_path / "r",
            "workers": 0,
            "embeddings": pair,
            **QUICK,
            **TRAINING,
            **options,
        }
        interactions = arguments.pop("interactions", world.interactions)
        return llminit.comparison.compare(interactions, world.items, **arguments)

    return call
