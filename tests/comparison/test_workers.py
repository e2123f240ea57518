"""Real `llminit compare` processes with workers: killed, interrupted, and losing a worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from llminit.results import ResultsFolder
from planted import plant
from watching import Stamp

EPOCHS = 60
BACKBONES = ("mf", "lightgcn")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, world = tmp_path_factory.mktemp("tables"), plant()
    for name in ("interactions", "items", "embeddings"):
        getattr(world, name).write_parquet(folder / f"{name}.parquet")
    return folder


def start(tables: Path, out: Path, *options: object, seconds: float = 0.0, **variables: str) -> subprocess.Popen[str]:
    files = [f"--{table}={tables}/{table}.parquet" for table in ("interactions", "items", "embeddings")]
    grid = ["--backbones", ",".join(BACKBONES), "--inits", "xavier,pca", "--baselines", "popularity", "--seeds", 1]
    training = ["--embedding-sizes", 8, "--epochs", EPOCHS, "--patience", 1000]
    running = ["--workers", 2, "--checkpoint-seconds", seconds, "--out", out]
    command = [sys.executable, "-m", "llminit", "compare", *files, *grid, *training, *running, *options]
    environment = os.environ | {"LLMINIT_CACHE": str(tables / "cache")} | variables
    return subprocess.Popen(
        [str(part) for part in command], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def undisturbed(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    """The results of an undisturbed comparison; do not write to it."""
    out = tmp_path_factory.mktemp("undisturbed") / "r"
    process = start(tables, out, seconds=60)
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages
    assert not [path.name for path in out.rglob(".*")]
    return ResultsFolder(out)


def wait_until(
    condition: Callable[[], bool], process: subprocess.Popen[str] | None = None, limit: float = 90.0
) -> None:
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end and (process is None or process.poll() is None):
        time.sleep(0.002)
    assert condition()


def workers_of(out: Path) -> list[int]:
    """Return the process ids of the workers of a comparison."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if b"llminit.comparison.worker" in command and str(out).encode() in command:
            found.append(int(path.parent.name))
    return found


def finished(out: Path) -> dict[str, Stamp]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(out.glob("cells/[a-z]*"))}


def training(out: Path) -> bool:
    """Return whether a cell is finished and a backbone is training."""
    return any(out.glob("cells/popularity*.json")) and any(out.glob("cells/.*.checkpoint.safetensors"))


def assert_same(out: Path, undisturbed: ResultsFolder) -> None:
    folder = ResultsFolder(out)
    assert folder.names() == undisturbed.names()
    for cell, expected in zip(folder.cells(), undisturbed.cells(), strict=True):
        assert (cell.metrics, cell.best_epoch) == (expected.metrics, expected.best_epoch)
        for protocol, ranks in undisturbed.ranks(expected).items():
            np.testing.assert_array_equal(folder.ranks(cell)[protocol].ranks, ranks.ranks)
    assert not [path.name for path in out.rglob(".*")]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_comparison_continues(
    tables: Path, tmp_path: Path, undisturbed: ResultsFolder, number: signal.Signals
) -> None:
    """Killed or interrupted, its workers end too; called again, finished cells keep their bytes, results are equal."""
    out = tmp_path / "r"
    process = start(tables, out)
    wait_until(lambda: training(out), process)
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode != 0
    assert ("interrupted; what is finished is kept" in messages) == (number == signal.SIGINT)
    wait_until(lambda: not workers_of(out))  # One that was still starting notices when it has imported everything.
    before = {name: stamp for name, stamp in finished(out).items() if (out / "cells" / name).suffix == ".json"}
    assert 1 <= len(before) < len(undisturbed.names())

    again = start(tables, out)
    _, messages = again.communicate(timeout=120)
    assert again.returncode == 0, messages
    after = finished(out)
    assert {name: after[name] for name in before} == before
    assert_same(out, undisturbed)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_lost_worker_costs_its_cell_only(tables: Path, tmp_path: Path, undisturbed: ResultsFolder) -> None:
    """When the system kills a worker, its cell is noted as failed, and the rest finish."""
    out = tmp_path / "r"
    process = start(tables, out)
    wait_until(lambda: training(out), process)
    os.kill(workers_of(out)[0], signal.SIGKILL)
    _, messages = process.communicate(timeout=120)
    folder = ResultsFolder(out)
    failed = [failure.error for failure in folder.failures()]
    assert process.returncode == (1 if failed else 0), messages
    assert len(failed) + len(folder.names()) == len(undisturbed.names())
    assert all("exit code -9" in error and "memory" in error for error in failed)


def with_a_cell_half_way(tables: Path, folder: Path) -> tuple[Path, subprocess.Popen[str]]:
    """Return a comparison whose workers are halted, a cell half-way; on a busy machine one can end unseen."""
    for attempt in range(10):
        out = folder / f"r{attempt}"
        process = start(tables, out)
        wait_until(lambda: training(out) or process.poll() is not None)  # noqa: B023 - used before the next attempt
        for worker in workers_of(out):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGSTOP)
        if workers_of(out) and any(out.glob("cells/.*.checkpoint.safetensors")):
            return out, process
        kill(process, out, "both")
    pytest.fail("every comparison ended before its workers could be halted")


def kill(process: subprocess.Popen[str], out: Path, whom: str) -> None:
    """Kill a comparison's process, its workers or all of them at once, and wait until it has ended."""
    victims = [process.pid] if whom != "workers" else []
    victims += workers_of(out) if whom != "parent" else []
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    process.communicate(timeout=120)
    wait_until(lambda: not workers_of(out))  # One that was still starting notices when it has imported everything.


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_killed_workers_are_named_and_their_cells_run_again(
    tables: Path, tmp_path: Path, undisturbed: ResultsFolder
) -> None:
    """With all workers killed at once, their cells are named with the reason, and the next call gives equal results."""
    out, process = with_a_cell_half_way(tables, tmp_path)
    kill(process, out, "workers")
    assert process.returncode in (1, 2)  # 2 where one was killed before it could start.
    failures = ResultsFolder(out).failures()
    assert failures
    assert all("exit code -9" in failure.error for failure in failures)
    again = start(tables, out)
    _, messages = again.communicate(timeout=240)
    assert again.returncode == 0, messages
    assert_same(out, undisturbed)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_kills_at_any_moment_change_no_result(tables: Path, tmp_path: Path, undisturbed: ResultsFolder) -> None:
    """Killed while it starts, trains or writes, again and again, a comparison ends with the same metrics and ranks."""
    out, rng = tmp_path / "r", np.random.default_rng(0)
    for whom in ("parent", "both", "workers"):
        process = start(tables, out)
        wait_until(lambda: bool(workers_of(out)), process)
        time.sleep(rng.uniform(0, 3))
        kill(process, out, whom)
        for name in ResultsFolder(out).names():  # What is there is whole.
            ResultsFolder(out).ranks(ResultsFolder(out).cell(name))
    last = start(tables, out)
    _, messages = last.communicate(timeout=120)
    assert last.returncode == 0, messages
    assert_same(out, undisturbed)
    assert ResultsFolder(out).failures() == []


def test_lines_that_libraries_print_are_ignored(tables: Path, tmp_path: Path) -> None:
    """Lines on a worker's standard output that are no messages, as an import may print, are skipped."""
    printed = ["loading plugin ...", "null", "[1]", '{"kind": "done"}', "\u00e9", "7", ""]
    (tmp_path / "sitecustomize.py").write_text(f"print({chr(10).join(printed)!r}, flush=True)\n", encoding="utf-8")
    process = start(tables, tmp_path / "r", "--backbones", "", PYTHONPATH=str(tmp_path))
    try:
        _, messages = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, messages
    assert ResultsFolder(tmp_path / "r").names() == ["popularity_seed-0"]
