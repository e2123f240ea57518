"""A saved recommender, and a server of it that tests share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from served import Server, small_recommender, start
from serving_fixtures import Start


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender; do not write to it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    small_recommender().save(folder)
    return folder


@pytest.fixture(scope="session")
def server(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps no state, so that tests can share it."""
    running = start(saved, tmp_path_factory.mktemp("server") / "log", "--read-only")
    yield running
    running.end()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts servers; they are killed at the end."""
    running: list[Server] = []

    def begin(folder: Path, *options: Any, **environment: str) -> Server:
        running.append(start(folder, tmp_path / f"log-{len(running)}", *options, **environment))
        return running[-1]

    yield begin
    for each in running:
        each.end(9)
