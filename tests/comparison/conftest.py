"""Small comparisons on the planted data."""

import pytest

import llminit.comparison
from planted import plant

QUICK = {"backbones": "lightgcn", "inits": "xavier,pca", "baselines": "popularity", "seeds": 1}
TRAINING = {"embedding_sizes": 8, "epochs": 3, "ks": "10,20"}


@pytest.fixture(scope="session")
def world():
    return plant()


@pytest.fixture(scope="session")
def pair(world):
    """Text embeddings as ids and an array."""
    return world.embeddings["item_id"], world.embeddings["embedding"].to_numpy()


@pytest.fixture
def compare(world, pair, tmp_path, one_thread):
    """Compare in this process, into tmp_path / "r" unless told otherwise."""

    def call(**options):
        given = {"out": tmp_path / "r", "workers": 0, "embeddings": pair, **QUICK, **TRAINING, **options}
        return llminit.comparison.compare(given.pop("interactions", world.interactions), world.items, **given)

    return call
