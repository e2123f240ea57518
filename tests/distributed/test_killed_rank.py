"""A rank that is killed ends the others with an error that says so, and a restart with another number continues."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.distributed.checkpoint import adopted
from llminit.distributed.group import Group
from llminit.distributed.job import follow, release, train_over_ranks
from llminit.distributed.kinds import layout_for
from llminit.distributed.ranks import Ranks
from llminit.models import BACKBONES
from llminit.models.backbone import Backbone
from llminit.progress import SilentReporter
from llminit.training import CheckpointFile, TrainingResult, train
from rank_processes import code_of, ended, on_ranks, started
from sample_graphs import small_graph, vectors

CONFIG = TrainingConfig(epochs=5, train_batch_size=16, learning_rate=0.01, patience=9)


class Notes(SilentReporter):
    """Keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)


def fresh(name: str) -> Backbone:
    rng = np.random.default_rng(6)
    return BACKBONES[name](vectors(rng, 20, 6), vectors(rng, 15, 6), small_graph(2, 20, 15, 90))


def measured(users: FloatArray, items: FloatArray) -> float:
    return float(np.abs(users).sum() + np.abs(items).sum())


def checkpoint_in(folder: str, name: str) -> CheckpointFile:
    return CheckpointFile(Path(folder) / f"{name}.safetensors", "this run", every_seconds=0)


def training(
    group: Group, name: str, folder: str, killed_in: int | None = None
) -> tuple[TrainingResult, list[str]] | None:
    """Train with a checkpoint each epoch; rank 0 kills rank 1 while the evaluation of an epoch runs."""
    pids = group.from_all(os.getpid())
    if group.rank:
        follow(group)
        return None
    epoch, notes = 0, Notes()

    def validate(users: FloatArray, items: FloatArray) -> float:
        nonlocal epoch
        epoch += 1
        if epoch == killed_in:
            os.kill(pids[1], signal.SIGKILL)
        return measured(users, items)

    ranks, checkpoint = Ranks(group, "shared"), checkpoint_in(folder, name)
    result = train_over_ranks(ranks, fresh(name), CONFIG, validate, seed=3, checkpoint=checkpoint, reporter=notes)
    release(group)
    return result, notes.messages


def continued(group: Group, folder: str) -> list[Any]:
    return [training(group, name, folder) for name in ("softmax", "lightgcn")]


def assert_close(result: TrainingResult, expected: TrainingResult) -> None:
    np.testing.assert_allclose(result.users, expected.users, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(result.items, expected.items, rtol=2e-4, atol=2e-5)
    assert result.best_epoch == expected.best_epoch
    assert [record.epoch for record in result.history] == [record.epoch for record in expected.history]


@pytest.mark.skipif(os.name != "posix", reason="kills with a POSIX signal")
def test_a_killed_rank_is_named_and_a_restart_continues(tmp_path: Path) -> None:
    """The survivors name the killed rank; two, then one process continue to what an undisturbed run gives."""
    for name in ("softmax", "lightgcn"):
        processes = started(*[code_of(tmp_path, training, name, str(tmp_path), 3, silent=15)] * 3)
        codes = ended(processes)
        assert codes[1].code == -signal.SIGKILL
        for rank in (0, 2):
            assert codes[rank].code == 1
            assert "RanksError" in codes[rank].stderr
            assert f"rank 1 (process {processes[1].pid} on" in codes[rank].stderr, codes[rank].stderr
            assert "is gone" in codes[rank].stderr
            assert "it continues from the last checkpoint" in codes[rank].stderr
    results = on_ranks(2, tmp_path, continued, str(tmp_path))[0]
    for name, (result, messages) in zip(("softmax", "lightgcn"), results, strict=True):
        assert messages == ["resuming after epoch 2"]
        expected = train(fresh(name), CONFIG, measured, seed=3)
        assert_close(result, expected)
        # What the two left is finished; one process takes it as it is.
        notes, checkpoint = Notes(), checkpoint_in(str(tmp_path), name)
        adopted(checkpoint, layout_for(BACKBONES[name], 20, 15, 6), notes)
        alone = train(fresh(name), CONFIG, measured, seed=3, checkpoint=checkpoint, reporter=notes)
        assert notes.messages == ["resuming after epoch 5"]
        assert_close(alone, expected)
        assert not (tmp_path / f"{name}.shards").exists()
