"""The recommender that is exported."""

from pathlib import Path

import pytest

from exported import sample
from llminit import Recommender


@pytest.fixture(scope="session")
def recommender() -> Recommender:
    return sample()


@pytest.fixture(scope="session")
def saved(recommender: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; do not write to it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    recommender.save(folder)
    return folder
