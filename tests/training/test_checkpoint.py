"""Checkpoints: a killed run resumes to the same result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.errors import StorageError
from llminit.models import BACKBONES
from llminit.progress import SilentReporter
from llminit.training import CheckpointFile, TrainingResult, train
from sample_graphs import small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS = 5
CONFIG = TrainingConfig(epochs=EPOCHS, train_batch_size=8, learning_rate=0.01, patience=1)
VALUES = [0.1, 0.3, 0.2, 0.3, 0.1]


class Killed(Exception):
    """Stands for the end of the process."""


class Notes(SilentReporter):
    """Keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def checkpoint(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "run" / "checkpoint.safetensors", "this run", every_seconds=0)


def run(
    name: str = "lightgcn",
    checkpoint: CheckpointFile | None = None,
    killed_in: int | None = None,
    reporter: Notes | None = None,
    epochs_before: int = 0,
) -> TrainingResult:
    """Train a fresh backbone; `killed_in` stops it inside that epoch, `epochs_before` counts those restored."""
    rng, epoch = np.random.default_rng(0), epochs_before
    fresh = BACKBONES[name](vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph())

    def validate(users: FloatArray, items: FloatArray) -> float:
        nonlocal epoch
        epoch += 1
        if epoch == killed_in:
            raise Killed
        return VALUES[min(epoch, len(VALUES)) - 1]  # Serving is chosen after the last epoch.

    return train(fresh, CONFIG, validate, seed=4, checkpoint=checkpoint, reporter=reporter or Notes())


def assert_same(result: TrainingResult, expected: TrainingResult) -> None:
    """Everything but the time is equal, bit for bit."""
    assert np.array_equal(result.users, expected.users)
    assert np.array_equal(result.items, expected.items)
    assert result.best_epoch == expected.best_epoch
    timeless = [[replace(record, seconds=0) for record in training.history] for training in (result, expected)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("killed_in", range(1, EPOCHS + 1))
@pytest.mark.parametrize("name", BACKBONES.names())
def test_a_killed_run_ends_as_an_undisturbed_one(name: str, killed_in: int, checkpoint: CheckpointFile) -> None:
    """Killed in any epoch, every backbone continues after the last whole one and ends the same, bit for bit."""
    with pytest.raises(Killed):
        run(name, checkpoint, killed_in)
    notes = Notes()
    result = run(name, checkpoint, epochs_before=killed_in - 1, reporter=notes)
    messages = [message for message in notes.messages if not message.startswith("compiling kernels")]
    assert messages == ([f"resuming after epoch {killed_in - 1}"] if killed_in > 1 else [])
    assert_same(result, run(name))


def test_killed_twice(checkpoint: CheckpointFile) -> None:
    """A resumed run can be killed and resumed again."""
    for killed_in, before in ((2, 0), (4, 1)):
        with pytest.raises(Killed):
            run("sgl", checkpoint, killed_in, epochs_before=before)
    assert_same(run("sgl", checkpoint, epochs_before=3), run("sgl"))


def test_a_finished_run_is_not_trained_again(checkpoint: CheckpointFile) -> None:
    """Started again after its end, a run gives its result without an epoch more."""
    first = run(checkpoint=checkpoint)
    again = run(checkpoint=checkpoint, killed_in=EPOCHS + 1, epochs_before=EPOCHS)
    assert_same(again, first)
    assert again.history == first.history


@pytest.mark.parametrize("damage", ["cut short", "emptied", "other bytes", "one bit", "no header"])
def test_a_damaged_checkpoint_is_noted_and_ignored(damage: str, checkpoint: CheckpointFile) -> None:
    """A file that is not a whole checkpoint is named in a note, and the run starts from the beginning."""
    with pytest.raises(Killed):
        run(checkpoint=checkpoint, killed_in=3)
    content = checkpoint.path.read_bytes()
    if damage == "no header":
        from safetensors.torch import save_file

        save_file({"embeddings": torch.zeros(2)}, checkpoint.path)
    else:
        flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        damaged = {"cut short": content[:-20], "emptied": b"", "other bytes": b"\xff" * 999, "one bit": flipped}
        checkpoint.path.write_bytes(damaged[damage])
    notes = Notes()
    assert_same(run(checkpoint=checkpoint, reporter=notes), run())
    assert len(notes.messages) == 1
    assert "checkpoint.safetensors is damaged" in notes.messages[0]


def test_a_checkpoint_of_another_run_is_noted_and_ignored(checkpoint: CheckpointFile) -> None:
    """A checkpoint with another fingerprint does not leak into this run, and is replaced by its own."""
    run("lightgcn", replace(checkpoint, fingerprint="another run"))
    notes = Notes()
    assert_same(run("lightgcn", checkpoint, reporter=notes), run())
    assert len(notes.messages) == 1
    assert "is of other data, options or version" in notes.messages[0]
    assert checkpoint.read() is not None


def test_a_newer_version_is_noted_and_ignored(checkpoint: CheckpointFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint of another format version is not read."""
    monkeypatch.setattr("llminit.training.checkpoint.FORMAT_VERSION", 99)
    checkpoint.write({"embeddings": torch.zeros(2)}, {})
    monkeypatch.undo()
    notes = Notes()
    assert checkpoint.read(notes) is None
    assert "version" in notes.messages[0]


def test_reads_back_what_was_written(checkpoint: CheckpointFile) -> None:
    """Tensors of any layout and the state come back as they were, -inf and small numbers included."""
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "step": torch.tensor(3.0)}
    state = {"best": -np.inf, "loss": 0.1 + 0.2, "history": [{"epoch": 1, "valid": None}]}
    checkpoint.write(tensors, state)
    read = checkpoint.read()
    assert read is not None
    found, found_state = read
    assert found_state == state
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["checkpoint.safetensors"]


def test_writes_are_every_seconds_apart(tmp_path: Path) -> None:
    """Between two writes pass `every_seconds`; the end of the run is always written."""
    rare = CheckpointFile(tmp_path / "checkpoint.safetensors", "this run", every_seconds=1000)
    with pytest.raises(Killed):
        run(checkpoint=rare, killed_in=4)
    assert not rare.path.exists()
    run(checkpoint=rare)
    read = rare.read()
    assert read is not None
    assert read[1]["epoch"] == EPOCHS


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    """A path that cannot be written is an error, not a run without checkpoints."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        run(checkpoint=CheckpointFile(tmp_path / "file" / "checkpoint.safetensors", "this run", every_seconds=0))
