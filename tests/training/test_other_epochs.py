"""A checkpoint of a run with other `epochs` or `patience`: continued where that gives the same result, else kept."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.models import BACKBONES
from llminit.training import CheckpointFile, TrainingResult, train
from noted import Noted
from sample_graphs import small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")


class Killed(Exception):
    """Stands for the end of the process."""


def config(epochs: int, patience: int = 100, eval_every: int = 1) -> TrainingConfig:
    return TrainingConfig(
        epochs=epochs, patience=patience, eval_every=eval_every, train_batch_size=8, learning_rate=0.01
    )


def validation(killed_at: int | None = None) -> Callable[[FloatArray, FloatArray], float]:
    """Return a validation whose values go up and down and depend on the embeddings alone."""
    calls = 0

    def validate(users: FloatArray, items: FloatArray) -> float:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise Killed
        return float(1e4 * abs(users.sum(dtype=np.float64) + items.sum(dtype=np.float64)) % 1)

    return validate


def run(
    options: TrainingConfig,
    checkpoint: CheckpointFile | None = None,
    *,
    killed_at: int | None = None,
    validates: bool = True,
    reporter: Noted | None = None,
) -> TrainingResult:
    rng = np.random.default_rng(0)
    fresh = BACKBONES["mf"](vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph())
    validate = validation(killed_at) if validates else None
    return train(fresh, options, validate, seed=4, checkpoint=checkpoint, reporter=reporter or Noted())


@pytest.fixture
def checkpoint(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / ".r.checkpoint.safetensors", "this run", every_seconds=0)


def assert_same(result: TrainingResult, expected: TrainingResult) -> None:
    assert np.array_equal(result.users, expected.users)
    assert np.array_equal(result.items, expected.items)
    assert result.best_epoch == expected.best_epoch
    timeless = [[replace(record, seconds=0) for record in one.history] for one in (result, expected)]
    assert timeless[0] == timeless[1]


CONFIGS = [
    config(epochs, patience, every)
    for epochs, patience, every in product((1, 4, 7), (0, 1, 100), (1, 3))
    if (epochs, every) != (1, 3)
]


@pytest.mark.parametrize("after", CONFIGS, ids=str)
def test_any_change_ends_as_an_uninterrupted_run(after: TrainingConfig, tmp_path: Path) -> None:
    """From the state of any run of other epochs or patience, finished or not, the result is that of the new values."""
    expected = run(after)
    for number, before in enumerate(CONFIGS):
        if before.eval_every == after.eval_every:
            for killed_at in (None, 2):
                file = CheckpointFile(tmp_path / f"{number}-{killed_at}.safetensors", "this run", every_seconds=0)
                with suppress(Killed):
                    run(before, file, killed_at=killed_at)
                assert_same(run(after, file), expected)


def test_more_epochs_continue(checkpoint: CheckpointFile) -> None:
    """With more epochs, or more patience, a finished run goes on after its last epoch."""
    run(config(3), checkpoint)
    notes = Noted()
    assert_same(run(config(6), checkpoint, reporter=notes), run(config(6)))
    assert notes.messages == ["resuming after epoch 3"]
    stopped = run(config(30, patience=0), replace(checkpoint, path=checkpoint.path.with_name("p.safetensors")))
    notes = Noted()
    again = run(config(30), replace(checkpoint, path=checkpoint.path.with_name("p.safetensors")), reporter=notes)
    assert_same(again, run(config(30)))
    assert notes.messages == [f"resuming after epoch {len(stopped.history)}"]


def test_fewer_epochs_need_no_training(checkpoint: CheckpointFile) -> None:
    """Where the best epoch is among the fewer ones, the result is there already."""
    best = run(config(8), checkpoint).best_epoch
    assert best < 8, "the test needs a run whose last epoch is not its best"
    notes = Noted()
    assert_same(run(config(best), checkpoint, reporter=notes), run(config(best)))
    assert notes.messages == [f"resuming after epoch {best}"]
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


@pytest.mark.parametrize("validates", [True, False])
def test_what_cannot_continue_is_kept(checkpoint: CheckpointFile, validates: bool) -> None:
    """A state that is past what the new values need is kept under another name, which the user is told."""
    first = run(config(8), checkpoint, validates=validates)
    before, fewer = checkpoint.path.read_bytes(), config(first.best_epoch - 1)
    notes = Noted()
    assert_same(run(fewer, checkpoint, validates=validates, reporter=notes), run(fewer, validates=validates))
    (kept,) = (path for path in checkpoint.path.parent.iterdir() if path != checkpoint.path)
    assert kept.read_bytes() == before
    assert len(notes.messages) == 1
    assert f"it is kept as {kept.name}, and training starts from the beginning" in notes.messages[0]


def test_a_checkpoint_of_other_data_is_kept(checkpoint: CheckpointFile) -> None:
    """The state of another run is never thrown away; put back under its name, that run continues from it."""
    other = replace(checkpoint, fingerprint="another run")
    run(config(3), other)
    before, notes = checkpoint.path.read_bytes(), Noted()
    run(config(2), checkpoint, reporter=notes)
    (kept,) = (path for path in checkpoint.path.parent.iterdir() if path != checkpoint.path)
    assert kept.read_bytes() == before
    assert "is of other data, options or version; it is kept as" in notes.messages[0]
    kept.replace(checkpoint.path)
    notes = Noted()
    run(config(5), other, reporter=notes)
    assert notes.messages == ["resuming after epoch 3"]
