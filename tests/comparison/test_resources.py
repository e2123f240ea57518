"""The number of workers, by cores and by memory."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llminit.comparison import resources
from llminit.comparison.execute import Job, Workplace
from llminit.comparison.resources import chosen_workers, described_machine
from llminit.config import CompareConfig
from llminit.data import make_dataset
from llminit.errors import ConfigError
from llminit.machine import available_memory
from llminit.models import BASELINES
from llminit.pipeline.prepared import PreparedData
from llminit.results import CellKey
from llminit.worker_processes import n_cores
from planted import plant

JOBS = [Job(CellKey(model="lightgcn", init="xavier", embedding_size=8, seed=seed), "f") for seed in range(5)]
DATA = PreparedData(make_dataset(plant().interactions))
GIB = 2**30

Workers = Callable[..., int]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Give a function that chooses the workers of a machine with these cores and this free memory."""

    def choose(
        cores: int, memory: int | None, requested: int | None = None, jobs: list[Job] = JOBS, device: str = "cpu"
    ) -> int:
        monkeypatch.setattr(resources, "n_cores", lambda: cores)
        monkeypatch.setattr(resources, "available_memory", lambda: memory)
        return chosen_workers(requested, jobs, Workplace(DATA, CompareConfig(), Path("r"), device))

    return choose


def test_as_many_as_cores_cells_and_memory_allow(workers: Workers) -> None:
    """A worker to two cores, but no more than there are cells or than the free memory holds, and at least one."""
    assert workers(1, 64 * GIB) == 1
    assert workers(2, 64 * GIB) == 1
    assert workers(7, 64 * GIB) == 3
    assert workers(64, 64 * GIB) == len(JOBS)
    assert workers(8, 2 * GIB) == 2
    assert workers(8, GIB // 10) == 1
    assert workers(6, None) == 3


def test_requested_workers_and_accelerators(workers: Workers) -> None:
    """A requested number is used, an accelerator has one worker, and no cells need none."""
    assert workers(2, 64 * GIB, requested=4) == 4
    assert workers(2, 64 * GIB, requested=0) == 0
    assert workers(16, 64 * GIB, device="cuda") == 1
    assert workers(16, 64 * GIB, jobs=[]) == 0
    with pytest.raises(ConfigError, match="workers=-1"):
        workers(2, 64 * GIB, requested=-1)


def test_dense_baselines_need_room(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a baseline with a table of all pairs of items is taken into account."""
    dense = [Job(CellKey(model="ease", seed=seed), "f") for seed in range(5)]
    monkeypatch.setattr(BASELINES["ease"], "memory_bytes", classmethod(lambda cls, sizes: 10 * GIB))
    assert workers(8, 30 * GIB, jobs=dense) == 2
    assert workers(8, 30 * GIB) == 4


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("content", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("350000 100000\n", 3),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("200000 0\n", 8),
        ("-1 100000\n", 8),
        ("", 8),
        ("two cores, \xfc", 8),
    ],
)
def test_a_container_may_have_fewer_cores(eight_cores: None, tmp_path: Path, content: str, cores: int) -> None:
    """The quota of a cgroup limits the cores, to no less than one; a file with anything else limits nothing."""
    (tmp_path / "cpu.max").write_bytes(content.encode("latin-1"))
    assert n_cores(tmp_path / "cpu.max") == cores


def test_without_a_limit_all_cores_are_there(eight_cores: None, tmp_path: Path) -> None:
    """A file that is not there, or is a folder, limits nothing."""
    assert n_cores(tmp_path / "cpu.max") == n_cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("files", "available"),
    [
        ({}, 8 * GIB),
        ({"memory.max": "max\n", "memory.current": "5"}, 8 * GIB),
        ({"memory.max": f"{3 * GIB}\n", "memory.current": f"{GIB}\n"}, 2 * GIB),
        ({"memory.max": f"{30 * GIB}\n", "memory.current": f"{GIB}\n"}, 8 * GIB),
        ({"memory.max": f"{GIB}\n", "memory.current": f"{2 * GIB}\n"}, 0),
        ({"memory.max": f"{3 * GIB}\n"}, 8 * GIB),
        ({"memory.max": "3 GiB\n", "memory.current": "0\n"}, 8 * GIB),
        ({"memory.max": f"{3 * GIB}\n", "memory.current": "\xfc"}, 8 * GIB),
    ],
)
def test_a_container_may_have_less_memory(tmp_path: Path, files: dict[str, str], available: int) -> None:
    """The rest of a cgroup's limit bounds the memory; files that are missing or hold anything else do not."""
    machine = tmp_path / "meminfo"
    machine.write_text(f"MemTotal: 1 kB\nMemAvailable:   {8 * GIB // 1024} kB\n")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode("latin-1"))
    assert available_memory(machine, tmp_path) == available


def test_cached_files_are_available_memory(tmp_path: Path) -> None:
    """A container's cache of files, which the system drops when needed, counts as available."""
    (tmp_path / "memory.max").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{2 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {GIB}\nfile {GIB}\ninactive_file {GIB}\nactive_file 0\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 2 * GIB
    assert available_memory(tmp_path / "meminfo", tmp_path / "nowhere") is None


@pytest.mark.parametrize(("cores", "words"), [(1, "1 core"), (2, "2 cores")])
def test_the_machine_in_words(monkeypatch: pytest.MonkeyPatch, cores: int, words: str) -> None:
    """One core is not called "1 cores"."""
    monkeypatch.setattr(resources, "n_cores", lambda: cores)
    assert described_machine().endswith(f", {words}")
