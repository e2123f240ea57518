"""The engine of a Ray cluster: a real one on this machine, whose workers are killed and which goes away."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stub_encoder
from stub_encoder import StubEncoder, StubOptions, logged

from llminit.errors import ConfigError, MissingExtraError
from llminit.text import ENCODERS, EncodingCache, Engine, encode_texts
from llminit.text.catalogue import hashes_of
from llminit.text.engines.opening import opening_of
from llminit.text.engines.ray_actor import ShardActor
from llminit.text.plan import shard_key
from llminit.text.shard import Order

pytest.importorskip("ray", reason="Ray is not installed: pip install 'llminit[ray]'")

N_ITEMS = 120
SHARD = 10
COMMAND = """
import sys
import stub_encoder
import llminit.pipeline.encoding as encoding
from llminit.cli.main import main

stub_encoder.register()
encoding.encode_table.__kwdefaults__["shard_size"] = int(sys.argv[1])
sys.exit(main(sys.argv[2:]))
"""


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module", autouse=True)
def known_stub() -> Iterator[None]:
    """Let the stub be opened by its name while this module's tests run."""
    stub_encoder.register()
    yield
    ENCODERS.remove("stub")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an item table, and the vectors of a run in one process that nothing disturbed."""
    folder = tmp_path_factory.mktemp("ray")
    titles = [f"title {number} {'long ' * (number % 5)}" for number in range(N_ITEMS)]
    pl.DataFrame({"item_id": range(N_ITEMS), "title": titles}).write_parquet(folder / "items.parquet")
    assert started(folder, "alone").wait(60) == 0
    return folder


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `llminit encode`, and leave no process behind; Ray's servers end with the one that has started them."""
    runs = []

    def call(*arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        runs.append(started(*arguments, **options))
        return runs[-1]

    yield call
    for run in runs:
        run.kill()
        run.wait()


def started(
    folder: Path, name: str, *options: str, seconds: float = 0.0, **environment: str
) -> "subprocess.Popen[str]":
    """Start `llminit encode` with the stub as a process; `name` is that of its cache, log and output."""
    arguments = ["encode", "--items", str(folder / "items.parquet"), "--out", str(folder / f"{name}.parquet")]
    arguments += ["--encoder", "stub", "--cache", str(folder / name), "--json", *options]
    for key, value in {"log": str(folder / f"{name}.log"), "seconds": seconds}.items():
        arguments += ["--encoder-option", f"{key}={value}"]
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(SHARD), *arguments],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(folder: Path, name: str, n_texts: int) -> int:
    """Wait until so many texts were encoded, and return the process that encoded the last one."""
    limit = time.monotonic() + 240
    while len(found := logged(folder / f"{name}.log")) < n_texts:
        assert time.monotonic() < limit, "nothing was encoded"
        time.sleep(0.01)
    return found[-1][0]


def test_a_killed_actor_changes_nothing(folder: Path, start: Start) -> None:
    """With a worker killed half-way, Ray goes on by itself: the same bytes, and only its shard is encoded again.

    A second run needs no cluster, because it finds everything.
    """
    run = start(folder, "killed", "--engine", "ray", "--workers", "2", seconds=0.02)
    os.kill(wait_for(folder, "killed", 3 * SHARD), signal.SIGKILL)
    output, errors = run.communicate(timeout=180)
    assert run.returncode == 0, errors
    assert json.loads(output)["n_items"] == N_ITEMS
    assert (folder / "killed.parquet").read_bytes() == (folder / "alone.parquet").read_bytes()
    found = logged(folder / "killed.log")
    counts = Counter(text for _, text in found)
    assert len(counts) == N_ITEMS
    assert sum(counts.values()) - N_ITEMS in (0, SHARD)
    assert len({process for process, _ in found}) >= 2
    assert start(folder, "killed", "--engine", "ray", RAY_ADDRESS="127.0.0.1:1").wait(60) == 0
    assert len(logged(folder / "killed.log")) == len(found)


def test_a_cluster_that_goes_away(folder: Path, start: Start) -> None:
    """The end of the cluster is a clear error; the same command without it goes on, to the same bytes."""
    run = start(folder, "gone", "--engine", "ray", seconds=0.05, RAY_gcs_rpc_server_reconnect_timeout_s="10")
    wait_for(folder, "gone", 3 * SHARD)
    for process in servers_below(run.pid):
        os.kill(process, signal.SIGKILL)
    _, errors = run.communicate(timeout=180)
    assert run.returncode == 2, errors
    assert "the Ray cluster went away, or could not go on" in errors
    assert "the same command goes on from there" in errors
    assert not (folder / "gone.parquet").exists()
    n_kept = len(list((folder / "gone").rglob("part-*.safetensors"))) * SHARD
    before = len(logged(folder / "gone.log"))
    assert start(folder, "gone").wait(60) == 0
    assert (folder / "gone.parquet").read_bytes() == (folder / "alone.parquet").read_bytes()
    assert len(logged(folder / "gone.log")) - before == N_ITEMS - n_kept > 0


def servers_below(parent: int) -> list[int]:
    """Return the processes of Ray's own servers that a process has started, however far below it."""
    processes = pl.DataFrame(
        [
            line.split(None, 2)
            for line in subprocess.run(
                ["ps", "-eo", "pid,ppid,comm", "--no-headers"], capture_output=True, text=True, check=True
            ).stdout.splitlines()
        ],
        schema=["pid", "parent", "name"],
        orient="row",
    )
    below, names = {str(parent)}, {"gcs_server", "raylet"}
    for _ in range(6):
        below |= set(processes.filter(pl.col("parent").is_in(list(below)))["pid"])
    found = processes.filter(pl.col("pid").is_in(list(below)) & pl.col("name").is_in(list(names)))
    assert len(found) >= 2
    return [int(pid) for pid in found["pid"]]


def test_a_cluster_that_is_not_there(folder: Path, start: Start) -> None:
    """An address where no cluster is is an error that says so, before anything is encoded."""
    run = start(folder, "nowhere", "--engine", "ray", RAY_ADDRESS="127.0.0.1:1")
    _, errors = run.communicate(timeout=180)
    assert run.returncode == 2
    assert "the Ray cluster cannot be used" in errors
    assert logged(folder / "nowhere.log") == []


def test_what_actors_answer(tmp_path: Path) -> None:
    """An actor writes the part and says so; what fails is an answer with its message."""
    section = EncodingCache(tmp_path).section(StubEncoder(StubOptions()).identity())
    order = Order(shard_key(section.encoder, hashes_of(["a", "b"])), ["a", "b"])
    (tmp_path / "order.json").write_text(json.dumps(asdict(order)))
    batch = {"path": [str(tmp_path / "order.json"), str(tmp_path / "none.json")]}
    answer = ShardActor(str(section.folder), opening_of(StubEncoder(StubOptions())))(batch)
    assert answer["kind"] == ["outcome", "failed"]
    assert json.loads(answer["text"][0]) == {"key": order.key, "state": "done", "n_texts": 2, "width": 6}
    assert "none.json" in answer["text"][1]
    assert section.has(section.name_of(order.key))
    other = ShardActor(str(section.folder), opening_of(StubEncoder(StubOptions(width=7))))(batch)
    assert "found another encoder" in other["text"][0]


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ray is missing, the message names the pip command."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'llminit\[ray\]'"):
        encode_texts(["a"], StubEncoder(StubOptions()), EncodingCache(tmp_path), engine=Engine("ray"))


def test_endpoints_stay_outside(tmp_path: Path) -> None:
    """An encoder whose work an endpoint does is refused: a cluster would add nothing."""

    class Remote(StubEncoder):
        texts_in_flight = 10

    with pytest.raises(ConfigError, match="computes at its endpoint"):
        encode_texts(["a"], Remote(StubOptions()), EncodingCache(tmp_path), engine=Engine("ray"))
