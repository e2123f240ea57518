"""Fixtures for downloads."""

from collections.abc import Iterator

import pytest

from file_server import Server
from llminit.data.sources import fetch as fetching


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between attempts instead of waiting."""
    recorded: list[float] = []
    monkeypatch.setattr(fetching, "sleep", recorded.append)
    return recorded


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of files."""
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()
