"""Real `llminit tune` processes that are killed, interrupted or lose a worker, and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import plant

TRIALS = 9


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, world = tmp_path_factory.mktemp("tables"), plant()
    for name in ("interactions", "items", "embeddings"):
        getattr(world, name).write_parquet(folder / f"{name}.parquet")
    return folder


def start(tables: Path, out: Path, *options: object) -> subprocess.Popen[str]:
    files = [f"--{name}={tables}/{name}.parquet" for name in ("interactions", "items", "embeddings")]
    search = ["--backbones=softmax", f"--trials={TRIALS}", "--epochs=80", "--patience=1000", "--threads=1"]
    command = [sys.executable, "-m", "llminit", "tune", *files, *search, f"--out={out}", "--json", *map(str, options)]
    environment = os.environ | {"LLMINIT_CACHE": str(tables / "cache"), "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> Any:
    shown, messages = process.communicate(timeout=240)
    assert process.returncode == 0, messages
    return json.loads(shown)


@pytest.fixture(scope="module")
def undisturbed(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    """What an undisturbed search prints, and its file."""
    out = tmp_path_factory.mktemp("undisturbed") / "best.toml"
    return finished(start(tables, out)), out.read_bytes()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], limit: float = 120.0) -> bool:
    """Wait for a condition or the end of a process; return whether the condition holds."""
    end = time.monotonic() + limit
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def lines_of(study: Path) -> list[dict[str, Any]]:
    """Return what has happened in a search."""
    text = study.read_text() if study.exists() else ""
    whole = text[: text.rfind("\n") + 1]  # the last line may be half written
    return [json.loads(line) for line in whole.splitlines()]


def running(study: Path) -> list[int]:
    """Return the positions of the trials that have begun and not ended."""
    lines = lines_of(study)
    known = [line for line in lines if "position" in line.get("user_attr", {})]
    positions = {line["trial_id"]: line["user_attr"]["position"] for line in known}
    ended = {line["trial_id"] for line in lines if line["op_code"] == 6}
    return [position for trial, position in positions.items() if trial not in ended]


def halted_within(process: subprocess.Popen[str], study: Path, position: int) -> None:
    """Halt a search while it runs the trial at a position, or the next one where it was too fast."""

    def is_there() -> bool:
        return any(found >= position for found in running(study))

    for _ in range(50):
        assert wait_until(is_there, process), "the search ended before it could be halted"
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.01)
        if is_there():
            return
        process.send_signal(signal.SIGCONT)
    pytest.fail("the search could not be halted within a trial")


def values(shown: Any) -> list[tuple[Any, ...]]:
    return [(trial["state"], trial["value"], trial["values"], trial["best_epochs"]) for trial in shown["trials"]]


def test_a_stopped_search_goes_on_to_the_same_result(
    tables: Path, tmp_path: Path, undisturbed: tuple[Any, bytes]
) -> None:
    """Interrupted and killed within trials, the same command runs those and the rest: bit for bit the same result."""
    out, study = tmp_path / "best.toml", tmp_path / "best.study.jsonl"
    n_settled = 0
    for number, position in ((signal.SIGINT, 1), (signal.SIGKILL, 5)):
        process = start(tables, out)
        halted_within(process, study, position)
        n_settled = running(study)[-1]
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        _, messages = process.communicate(timeout=60)
        assert process.returncode == (130 if number == signal.SIGINT else -number)
        assert ("interrupted; what is finished is kept" in messages) == (number == signal.SIGINT)
        assert not out.exists()
    again = start(tables, out)
    shown, messages = again.communicate(timeout=240)
    assert again.returncode == 0, messages
    assert f"{n_settled} of them are there already" in messages
    assert values(json.loads(shown)) == values(undisturbed[0])
    assert out.read_bytes() == undisturbed[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.study.jsonl", "best.toml"]


def test_kills_at_any_moment_change_no_result(tables: Path, tmp_path: Path, undisturbed: tuple[Any, bytes]) -> None:
    """Killed while it starts, searches or writes, again and again, a search ends with the undisturbed result."""
    out, rng = tmp_path / "best.toml", np.random.default_rng(0)
    for _ in range(2):
        process = start(tables, out)
        wait_until(lambda: (tmp_path / "best.study.jsonl").exists(), process)
        time.sleep(rng.uniform(0, 1))
        process.kill()
        process.communicate(timeout=60)
    assert values(finished(start(tables, out))) == values(undisturbed[0])
    assert out.read_bytes() == undisturbed[1]


def test_two_searches(tables: Path, tmp_path: Path, undisturbed: tuple[Any, bytes]) -> None:
    """While one runs, another with its output is refused with exit code 2, and disturbs nothing."""
    out, study = tmp_path / "best.toml", tmp_path / "best.study.jsonl"
    first = start(tables, out)
    try:
        halted_within(first, study, 1)
        second = start(tables, out, "--overwrite")
        _, messages = second.communicate(timeout=120)
        assert second.returncode == 2, messages
        assert f"another search is running on {study}" in messages
    finally:
        first.send_signal(signal.SIGCONT)
    assert values(finished(first)) == values(undisturbed[0])


def workers_of(out: Path) -> list[int]:
    """Return the process ids of the workers of a search."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes()
            if b"llminit.tuning.worker" in command and str(out.parent).encode() in command:
                found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_workers_and_their_parent_are_killed(tables: Path, tmp_path: Path, undisturbed: tuple[Any, bytes]) -> None:
    """A killed worker costs its trial alone; with the parent the other ends too, and the next call goes on."""
    out, study = tmp_path / "best.toml", tmp_path / "best.study.jsonl"
    process = start(tables, out, "--workers", 2)
    assert wait_until(lambda: len(running(study)) == 2 and len(workers_of(out)) == 2, process)
    # One that could not even start would end the search.
    assert wait_until(lambda: any(line.get("step") for line in lines_of(study)), process)
    stopped = workers_of(out)
    for worker in stopped:
        os.kill(worker, signal.SIGSTOP)
    os.kill(stopped[0], signal.SIGKILL)
    assert wait_until(lambda: "exit code -9" in study.read_text(), process)
    process.kill()
    for worker in stopped[1:]:
        os.kill(worker, signal.SIGCONT)
    process.communicate(timeout=60)
    end = time.monotonic() + 60
    while workers_of(out) and time.monotonic() < end:
        time.sleep(0.01)
    assert not workers_of(out)
    shown = finished(start(tables, out, "--workers", 2))
    assert [trial["position"] for trial in shown["trials"]] == list(range(TRIALS))
    failed = [trial for trial in shown["trials"] if trial["state"] == "failed"]
    assert len(failed) == 1
    assert "the worker process ended with exit code -9; the system may have run out of memory" in failed[0]["error"]
    presets = {trial["label"]: trial["value"] for trial in shown["trials"] if trial["label"] and trial["value"]}
    assert presets.items() <= undisturbed[0]["first"].items(), "workers compute what this process does"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.study.jsonl", "best.toml"]
