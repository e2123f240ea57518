"""A new model is put in place while questions are answered; a damaged one is not."""

import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from served import PATIENCE, Server, small_recommender
from serving_fixtures import Start


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved recommender that may be replaced."""
    return shutil.copytree(saved, tmp_path / "model")


class Load:
    """Clients that ask all the time, until told to stop; every answer is kept."""

    def __init__(self, server: Server, n_clients: int = 4) -> None:
        self.statuses: list[int] = []
        self._server, self._is_over = server, threading.Event()
        self._clients = [threading.Thread(target=self._ask, daemon=True) for _ in range(n_clients)]

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for client in self._clients:
            client.join(PATIENCE)

    def wait_for(self, more: int) -> None:
        """Wait until so many more questions are answered."""
        until, before = time.monotonic() + PATIENCE, len(self.statuses)
        while len(self.statuses) < before + more:
            assert time.monotonic() < until
            time.sleep(0.01)

    def _ask(self) -> None:
        while not self._is_over.is_set():
            try:
                self.statuses.append(self._server.recommend(user_id="u01", k=3).status)
            except OSError:
                self.statuses.append(0)


def version_of(server: Server) -> str:
    version: str = server.ask("GET", "/health").json["model"]["version"]
    return version


def wait_for_another(server: Server, version: str) -> None:
    until = time.monotonic() + PATIENCE
    while version_of(server) == version:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["a new folder", "SIGHUP", "POST /reload"])
def test_a_swap_drops_no_request(model: Path, tmp_path: Path, started: Start, how: str) -> None:
    """Under load a new model comes into place, every question is answered, and what the server was told is kept."""
    watch = "0.1" if how == "a new folder" else "0"
    server = started(model, "--state", tmp_path / "state", "--watch", watch)
    server.ask("POST", "/items", {"item_id": "n1", "title": "tents"})
    server.ask("POST", "/interactions", {"user_id": "ada", "item_id": "n1"})
    before, version = server.recommend(user_id="u01", k=5), version_of(server)
    with Load(server) as load:
        load.wait_for(10)
        small_recommender(seed=1).save(model)
        if how == "SIGHUP":
            server.process.send_signal(signal.SIGHUP)
        elif how == "POST /reload":
            assert server.ask("POST", "/reload").json["model"] != version
        wait_for_another(server, version)
        load.wait_for(10)
    assert set(load.statuses) == {200}
    assert server.recommend(user_id="u01", k=5).json != before.json
    assert "n1" in server.recommend(history=["i01"], k=50).items
    assert "n1" not in server.recommend(user_id="ada", k=50).items


def test_a_damaged_model_is_not_put_in_place(model: Path, tmp_path: Path, started: Start) -> None:
    """The model before goes on, the health and the log say why, and a whole one is taken again."""
    server = started(model, "--read-only", "--watch", "0")
    version, before = version_of(server), server.recommend(user_id="u01").json
    weights = model / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    reply = server.ask("POST", "/reload")
    assert reply.status == 400
    assert "was cut short or changed" in reply.json["detail"]
    health = server.ask("GET", "/health").json
    assert health["status"] == "old model"
    assert "was cut short" in health["reload_error"]
    assert any(line["event"] == "reload failed" for line in server.log())
    assert server.recommend(user_id="u01").json == before
    weights.write_bytes(whole)
    assert server.ask("POST", "/reload").json == {"model": version}
    assert server.ask("GET", "/health").json["status"] == "ok"


def test_what_a_new_model_knows_is_not_added_again(model: Path, tmp_path: Path, started: Start) -> None:
    """Items that the new model was fitted to are its own; interactions with items that it lost wait in the state."""
    server = started(model, "--state", tmp_path / "state", "--watch", "0")
    server.ask("POST", "/items", {"item_id": "n1", "title": "tents"})
    server.ask("POST", "/items", {"item_id": "i50", "title": "tents"})
    server.ask("POST", "/interactions", [{"user_id": "ada", "item_id": item} for item in ("n1", "i39")])
    server.ask("DELETE", "/items/i39")
    small_recommender(first=10).save(model)  # i10 to i49
    assert server.ask("POST", "/reload").status == 200
    health = server.ask("GET", "/health").json
    assert health["model"]["n_items_added"] == 2
    assert health["state"] == {"n_items": 2, "n_removed": 1, "n_interactions": 2}
    assert "i39" not in server.recommend(history=["n1"], k=100).items
    small_recommender(first=20).save(model)  # i20 to i59
    assert server.ask("POST", "/reload").status == 200
    assert server.ask("GET", "/health").json["model"]["n_items_added"] == 1
    assert "i50" in server.recommend(history=["n1"], k=100).items


def test_told_to_end_a_server_answers_what_it_was_asked(saved: Path, started: Start) -> None:
    """SIGTERM under load: no answer is cut off, connections after it are refused, and the exit code is 0."""
    server = started(saved, "--read-only")
    with Load(server) as load:
        load.wait_for(10)
        assert server.end() == 0
    assert set(load.statuses) <= {200, 0}
    first_refused = load.statuses.index(0) if 0 in load.statuses else len(load.statuses)
    assert first_refused >= 10
    assert [line["event"] for line in server.log()][-1] == "ended"
