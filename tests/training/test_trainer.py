"""The training loop: when it stops, what it returns, what it repeats."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.config import TrainingConfig
from llminit.errors import ConfigError
from llminit.evaluation import factor_scorer, mean_metric, ranks_under
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models import BACKBONES, Backbone
from llminit.progress import SilentReporter
from llminit.training import EpochRecord, train
from sample_graphs import small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")


def backbone(name: str = "lightgcn", scale: float = 0.3) -> Backbone:
    rng = np.random.default_rng(0)
    return BACKBONES[name](vectors(rng, 7, 5, scale=scale), vectors(rng, 9, 5, scale=scale), small_graph())


def config(**options: float) -> TrainingConfig:
    return TrainingConfig.make(**{"train_batch_size": 8, "learning_rate": 0.01, "epochs": 30} | options)


class Script:
    """A validation that gives values from a list and records the embeddings that it evaluates."""

    def __init__(self, *values: float) -> None:
        self.values = values
        self.calls: list[tuple[FloatArray, FloatArray]] = []

    def __call__(self, users: FloatArray, items: FloatArray) -> float:
        self.calls.append((users, items))
        return self.values[len(self.calls) - 1]


def test_who_listens_hears_every_epoch_and_can_end_it() -> None:
    """After each epoch its record is handed over; what is raised then ends the training there."""
    heard: list[EpochRecord] = []
    script = Script(*[0.1 * epoch for epoch in range(1, 9)])
    result = train(backbone(), config(epochs=8, eval_every=3), script, after_epoch=heard.append)
    assert heard == result.history
    assert [record.valid is None for record in heard] == [epoch not in (3, 6, 8) for epoch in range(1, 9)]

    def stop_at_second(record: EpochRecord) -> None:
        if record.epoch == 2:
            raise LookupError

    script = Script(0.1, 0.2, 0.3)
    with pytest.raises(LookupError):
        train(backbone(), config(epochs=3), script, after_epoch=stop_at_second)
    assert len(script.calls) == 2


@pytest.mark.parametrize(
    ("patience", "values", "best", "stop"),
    [
        (2, [0.1, 0.3, 0.2, 0.2, 0.2, 0.9], 2, 5),
        (2, [0.3, 0.2, 0.2, 0.3, 0.1, 0.1, 0.1, 0.9], 4, 7),
        (0, [0.3, 0.3, 0.4, 0.1, 0.9], 3, 4),
        (1, [0.0, 0.0, 0.0, 0.0], 4, 4),
        (1, [0.5, float("nan"), float("nan"), 0.9], 1, 3),
        (1, [float("nan"), 0.2, 0.1, 0.3], 4, 4),
    ],
)
def test_early_stopping(patience: int, values: list[float], best: int, stop: int) -> None:
    """It stops at the (patience + 1)th evaluation in a row that is not better; a tie is better, NaN is not."""
    script = Script(*values)
    result = train(backbone(), config(patience=patience, epochs=len(values)), script)
    assert result.best_epoch == best
    assert [record.epoch for record in result.history] == list(range(1, stop + 1))
    assert [record.valid for record in result.history] == pytest.approx(values[:stop], nan_ok=True)
    for found, expected in zip((result.users, result.items), script.calls[best - 1], strict=True):
        assert np.array_equal(found, expected)


def test_the_default_patience_is_the_papers() -> None:
    """With the defaults, the 11th evaluation in a row that is not better is the last."""
    assert len(train(backbone(), config(), Script(1.0, *[0.5] * 20)).history) == 12


def test_the_backbone_is_left_at_its_best_epoch() -> None:
    """After training, the backbone holds the embeddings of the best epoch."""
    trained = backbone()
    result = train(trained, config(patience=1), Script(0.1, 0.2, 0.1, 0.1))
    assert np.array_equal(trained.final_embeddings()[0], result.users)
    assert result.best_epoch == 2


@pytest.mark.parametrize("validate", [None, Script()])
def test_no_epochs_leave_the_initial_embeddings(validate: Script | None) -> None:
    """With epochs=0 nothing is trained or evaluated: the result is the untrained state."""
    untrained = backbone().final_embeddings()
    result = train(backbone(), config(epochs=0), validate)
    assert np.array_equal(result.users, untrained[0])
    assert np.array_equal(result.items, untrained[1])
    assert (result.best_epoch, result.history) == (0, [])


def test_evaluations_are_eval_every_epochs_apart() -> None:
    """With eval_every=3 the epochs 3, 6, ... are evaluated, and the last one."""
    result = train(backbone(), config(epochs=7, eval_every=3), Script(0.1, 0.2, 0.3))
    assert [record.epoch for record in result.history if record.valid is not None] == [3, 6, 7]
    assert train(backbone(), config(epochs=2, eval_every=5), Script(0.1)).best_epoch == 2


def test_without_validation_all_epochs_run_and_the_last_counts() -> None:
    """Without a validation the embeddings after the last epoch are returned, as with one that only gets better."""
    result = train(backbone(), config(epochs=3))
    improving = train(backbone(), config(epochs=3), Script(0.1, 0.2, 0.3))
    assert (result.best_epoch, len(result.history)) == (3, 3)
    assert np.array_equal(result.users, improving.users)


@pytest.mark.parametrize("name", BACKBONES.names())
def test_the_seed_decides(name: str) -> None:
    """The same seed gives the same result bit for bit, another seed another one."""
    first, again, other = (train(backbone(name), config(epochs=3), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.users, again.users)
    assert np.array_equal(first.items, again.items)
    assert [record.loss for record in first.history] == [record.loss for record in again.history]
    assert not np.array_equal(first.items, other.items)


def test_global_generators_are_left_alone() -> None:
    """Training neither seeds nor uses the global generators of torch and numpy."""
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    train(backbone("sgl"), config(epochs=2))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state(legacy=False)["state"]["key"])  # noqa: NPY002


def test_a_loss_that_is_not_finite() -> None:
    """A diverging loss is an error that names the epoch and the learning rate."""
    with pytest.raises(
        ConfigError, match=r"the loss became (nan|inf) in epoch 1, .* lower learning_rate \(now 1e\+38\)"
    ):
        train(backbone("mf"), config(learning_rate=1e38))


@pytest.mark.parametrize("device", ["abacus", "meta", "cuda:99"])
def test_unusable_devices(device: str) -> None:
    """A device that does not exist is named in the error, with what to use instead."""
    with pytest.raises(ConfigError, match=rf"device='{device}' .* use .*cpu"):
        train(backbone(), config(), device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_gpu() -> None:
    """Asking for CUDA where there is none is an error, not a crash."""
    with pytest.raises(ConfigError, match="device='cuda' does not exist"):
        train(backbone(), config(), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize("name", BACKBONES.names())
def test_cuda_agrees_with_the_cpu(name: str) -> None:
    """Training on CUDA ends within rounding of training on the CPU."""
    on_cpu, on_cuda = (train(backbone(name), config(epochs=3), device=device) for device in ("cpu", "cuda"))
    assert np.abs(on_cpu.users - on_cuda.users).max() < 1e-4


def planted_clusters(
    n_users: int = 80, n_items: int = 48, n_clusters: int = 4
) -> tuple[Adjacency, csr_array, csr_array]:
    """Give each user 6 items of their own cluster to train on and one more to find; rows, and matrices."""
    rng, size = np.random.default_rng(1), n_items // n_clusters
    liked = np.array([rng.permutation(size)[:7] + size * (user % n_clusters) for user in range(n_users)])
    users = np.arange(n_users)
    train_pairs = np.repeat(users, 6), liked[:, :6].ravel()

    def matrix(rows: IntArray, columns: IntArray) -> csr_array:
        return sp.csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(n_users, n_items))

    return normalized_adjacency(*train_pairs, n_users, n_items), matrix(*train_pairs), matrix(users, liked[:, 6])


@pytest.mark.parametrize("name", BACKBONES.names())
def test_training_finds_planted_clusters(name: str) -> None:
    """From small random embeddings, every backbone learns to rank a user's own cluster first."""
    adjacency, seen, held_out = planted_clusters()
    rng = np.random.default_rng(2)
    learner = BACKBONES[name](vectors(rng, 80, 16, scale=0.1), vectors(rng, 48, 16, scale=0.1), adjacency)

    def ndcg(users: FloatArray, items: FloatArray) -> float:
        return mean_metric(ranks_under("standard", factor_scorer(users, items), held_out, seen), "ndcg@10")

    before = ndcg(vectors(rng, 80, 16), vectors(rng, 48, 16))
    result = train(learner, config(epochs=20, train_batch_size=64, learning_rate=0.02), ndcg)
    after = ndcg(result.users, result.items)
    assert before < 0.2
    assert after > 0.5
    valid = [record.valid for record in result.history if record.valid is not None]
    assert len(valid) == len(result.history)
    # What serves may be chosen once more after the best epoch, and never for the worse.
    assert after >= max(valid) if result.options else after == max(valid)


class Estimates(SilentReporter):
    """Keeps what a task says of the time left, and its status."""

    def __init__(self) -> None:
        self.seconds: list[float | None] = []
        self.statuses: list[str] = []

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator["Estimates"]:
        yield self

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        self.seconds.append(seconds_left)
        self.statuses.append(status)


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which the first epoch, which compiles, takes 60 seconds, and each other one 2."""
    times = iter([0.0, 60.0, *(60.0 + 2 * tick for pair in range(1, 99) for tick in (pair, pair + 1))])
    monkeypatch.setattr("llminit.training.trainer.time.perf_counter", lambda: next(times))


@pytest.mark.usefixtures("ticking")
def test_the_time_left_is_said_where_it_is_known() -> None:
    """Nothing is said while early stopping may end the run; then the pace counts, without the epoch that compiled."""
    told = Estimates()
    train(backbone(), config(epochs=7, patience=3), Script(0.1, 0.3, 0.2, 0.2, 0.3, 0.4, 0.5), reporter=told)
    assert told.seconds == [np.inf, np.inf, np.inf, np.inf, 4.0, 2.0, 0.0]
    assert told.statuses[2].endswith("best 0.3000 at epoch 2; stops in 3 if none is better")
    assert told.statuses[4].endswith("best 0.3000 at epoch 5")


@pytest.mark.usefixtures("ticking")
def test_the_time_left_without_early_stopping() -> None:
    """Where nothing can end the run early, the time left is said from the second epoch on."""
    told = Estimates()
    train(backbone(), config(epochs=4), reporter=told)
    assert told.seconds == [np.inf, 4.0, 2.0, 0.0]


def test_the_time_left_of_a_run_that_stops() -> None:
    """A run that has stopped has no time left."""
    told = Estimates()
    train(backbone(), config(epochs=30, patience=0), Script(0.3, 0.2), reporter=told)
    assert told.seconds[-1] == 0
