"""How many workers, by cores and by memory."""

from pathlib import Path

import pytest

from llminit.comparison import resources
from llminit.comparison.execute import Job, Workplace
from llminit.comparison.prepared import PreparedData
from llminit.comparison.resources import chosen_workers
from llminit.config import CompareConfig
from llminit.data import make_dataset
from llminit.errors import ConfigError
from llminit.results import CellKey
from planted import plant

JOBS = [Job(CellKey(model="lightgcn", init="xavier", embedding_size=8, seed=seed), "f") for seed in range(5)]
DATA = PreparedData(make_dataset(plant().interactions))
GIB = 2**30


@pytest.fixture
def workers(monkeypatch):
    """How many are chosen on a machine of so many cores and so much free memory."""

    def choose(cores, memory, asked=None, jobs=JOBS, device="cpu"):
        monkeypatch.setattr(resources, "n_cores", lambda: cores)
        monkeypatch.setattr(resources, "available_memory", lambda: memory)
        return chosen_workers(asked, jobs, Workplace(DATA, CompareConfig(), Path("r"), device))

    return choose


def test_as_many_as_cores_cells_and_memory_allow(workers):
    """A worker to two cores, but no more than there are cells or than the free memory holds, and at least one."""
    assert workers(1, 64 * GIB) == 1
    assert workers(2, 64 * GIB) == 1
    assert workers(7, 64 * GIB) == 3
    assert workers(64, 64 * GIB) == len(JOBS)
    assert workers(8, 2 * GIB) == 2
    assert workers(8, GIB // 10) == 1
    assert workers(6, None) == 3


def test_asked_for_and_accelerators(workers):
    """What is asked for is done, an accelerator has one worker, and nothing to do needs none."""
    assert workers(2, 64 * GIB, asked=4) == 4
    assert workers(2, 64 * GIB, asked=0) == 0
    assert workers(16, 64 * GIB, device="cuda") == 1
    assert workers(16, 64 * GIB, jobs=[]) == 0
    with pytest.raises(ConfigError, match="workers=-1"):
        workers(2, 64 * GIB, asked=-1)


def test_dense_baselines_need_room(workers, monkeypatch):
    """A baseline with a table of all pairs of items is counted with it."""
    dense = [Job(CellKey(model="ease", seed=seed), "f") for seed in range(5)]
    monkeypatch.setattr(resources, "_BYTES_PER_PAIR_OF_ITEMS", 10 * GIB // 40**2)
    assert workers(8, 30 * GIB, jobs=dense) == 2
    assert workers(8, 30 * GIB) == 4
