"""The state on the disk: a kill loses nothing that was acknowledged, a full disk acknowledges nothing."""

import itertools
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from llminit.errors import ConfigError, StorageError
from llminit.serving.changes import ExposureSet, InteractionsAdded, ItemsAdded, ItemsRemoved, StoredText
from llminit.serving.store import Store
from served import PATIENCE, Server, launch, start
from serving_fixtures import Start

N_KILLS = 10


def write_until_killed(server: Server, names: Iterator[int], acknowledged: list[int]) -> None:
    """Send interactions of new users one by one, and note those that the server says it has."""
    with suppress(OSError, ValueError):
        for name in names:
            reply = server.ask("POST", "/interactions", {"user_id": f"w{name}", "item_id": "i01"})
            if reply.status == 201:
                acknowledged.append(name)


def test_a_kill_under_writes_loses_nothing(saved: Path, tmp_path: Path) -> None:
    """A server that is killed over and over, amid writes of four clients, knows all that it ever acknowledged."""
    names, acknowledged = itertools.count(), list[int]()
    for round_ in range(N_KILLS):
        server = start(saved, tmp_path / "log", "--state", tmp_path / "state")
        before = len(acknowledged)
        clients = [
            threading.Thread(target=write_until_killed, args=(server, names, acknowledged), daemon=True)
            for _ in range(4)
        ]
        for client in clients:
            client.start()
        while len(acknowledged) < before + 10 + round_:
            assert server.process.poll() is None
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        for client in clients:
            client.join(PATIENCE)
    store = Store.open(tmp_path / "state")
    kept = {row["user_id"] for row in store.contents().interactions.rows}
    store.close()
    assert len(acknowledged) >= 10 * N_KILLS
    assert {f"w{name}" for name in acknowledged} <= kept


def test_a_second_server_is_refused(saved: Path, tmp_path: Path, started: Start) -> None:
    """A second server on one state ends with a message and code 2; the first goes on, and a state of its own helps."""
    first = started(saved, "--state", tmp_path / "state")
    second = launch(saved, tmp_path / "second", "--state", tmp_path / "state")
    assert second.wait(PATIENCE) == 2
    assert second.stdout is not None
    second.stdout.close()
    message = (tmp_path / "second").read_text(encoding="utf-8")
    assert "another server has the state" in message
    assert first.ask("POST", "/interactions", {"user_id": "u01", "item_id": "i01"}).status == 201
    assert started(saved, "--state", tmp_path / "other").ask("GET", "/health").status == 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this process may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_acknowledges_nothing(saved: Path, small_disk: Path, started: Start) -> None:
    """Where the disk is full a change is refused with 507 and not made; reads go on; with space again it is taken."""
    server = started(saved, "--state", small_disk / "state")
    rows = [{"user_id": f"filler-{'x' * 900}-{n}", "item_id": "i01"} for n in range(20)]
    filler = small_disk / "filler"
    statuses = []
    for turn in range(30):
        reply = server.ask("POST", "/interactions", [row | {"user_id": f"{turn}-{row['user_id']}"} for row in rows])
        statuses.append(reply.status)
        if reply.status == 507:
            break
        with suppress(OSError), filler.open("ab") as file:
            file.write(bytes(16_384))
    assert statuses[-1] == 507, statuses
    assert "free some space" in reply.json["detail"]
    assert server.ask("GET", f"/users/{turn}-{rows[0]['user_id']}").status == 404
    assert server.recommend(user_id="u01").status == 200
    n_before = server.ask("GET", "/health").json["state"]["n_interactions"]
    assert n_before == 20 * (len(statuses) - 1)
    filler.unlink()
    assert server.ask("POST", "/interactions", {"user_id": "u01", "item_id": "i01"}).status == 201
    assert server.end() == 0
    store = Store.open(small_disk / "state")
    assert len(store.contents().interactions.rows) == n_before + 1
    store.close()


def test_a_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Items keep columns of every kind and their embeddings; what is removed is so until it is added again."""
    path = tmp_path / "state"
    store = Store.open(path)
    columns = {"title": "日本 „x“", "year": 1999, "price": 1.5, "tags": ["a", "b"], "new": True, "none": None}
    text = StoredText(np.array([1.5, -2.0], dtype=np.float32), "recipe")
    store.write([ItemsAdded([{"item_id": "a"} | columns, {"item_id": 7}], {"a": text, "7": text})])
    store.write([ItemsRemoved(["a", "warm"]), InteractionsAdded([{"user_id": 1, "item_id": "a", "rating": 2.0}])])
    store.write([ItemsAdded([{"item_id": "warm"}]), ExposureSet(0.1), ExposureSet(0.3)])
    store.close()
    store = Store.open(path)
    stored = store.contents()
    store.close()
    assert list(stored.items.rows) == [{"item_id": "7"}, {"item_id": "a"} | columns]
    assert stored.items.texts["a"].values.tolist() == [1.5, -2.0]
    assert stored.removed.item_ids == ["a"]
    assert [(row["user_id"], row["item_id"], row["rating"]) for row in stored.interactions.rows] == [("1", "a", 2.0)]
    assert stored.exposure == ExposureSet(0.3)
    assert (store.n_items, store.n_removed, store.n_interactions) == (2, 1, 1)


def test_changes_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    """Where one of some changes cannot be stored, none is."""
    store = Store.open(tmp_path / "state")
    with pytest.raises(StorageError):
        store.write(
            [ExposureSet(0.5), InteractionsAdded([{"user_id": 1, "item_id": 2}, {"user_id": "\ud800", "item_id": 2}])]
        )
    store.write([InteractionsAdded([{"user_id": 3, "item_id": 4}])])
    stored = store.contents()
    store.close()
    assert [row["user_id"] for row in stored.interactions.rows] == ["3"]
    assert stored.exposure is None


def test_files_of_something_else(tmp_path: Path) -> None:
    """A file that is no state, of a newer version, or damaged is refused, and not changed."""
    path = tmp_path / "notes"
    path.write_bytes(b"these are my notes\n" * 100)
    with pytest.raises(StorageError, match="cannot use the state"):
        Store.open(path)
    assert path.read_bytes() == b"these are my notes\n" * 100
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE mine (a)")
    other.close()
    with pytest.raises(ConfigError, match="something else"):
        Store.open(tmp_path / "other")
    Store.open(tmp_path / "newer").close()
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ConfigError, match="layout version 99"):
        Store.open(tmp_path / "newer")
    Store.open(tmp_path / "state").close()  # The lock of a refused file is not kept.


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A state that is open cannot be opened again; closed, it can."""
    store = Store.open(tmp_path / "state")
    with pytest.raises(StorageError, match="another server"):
        Store.open(tmp_path / "state")
    store.close()
    Store.open(tmp_path / "state").close()
