"""The training loop: Adam, early stopping on a validation metric, checkpoints."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.errors import ConfigError
from llminit.models.backbone import Backbone, HistoryRows
from llminit.progress import SILENT, Reporter
from llminit.training.allocator import keep_freed_memory
from llminit.training.checkpoint import Checkpoint
from llminit.training.optimizer import Adam
from llminit.training.sampler import TripleSampler
from llminit.training.state import EpochRecord, RunState, is_evaluated
from llminit.training.step import MakeSteps, are_compiled, steps_of

Validate = Callable[[FloatArray, FloatArray], float]

AfterEpoch = Callable[[EpochRecord], None]
"""Hears of every epoch; an exception that it raises ends the training."""


@dataclass(frozen=True)
class TrainingResult:
    """A trained backbone's embeddings at its best epoch.

    Attributes:
        users: float32 of shape (n_users, d), final embeddings.
        items: float32 of shape (n_items, d), final embeddings.
        best_epoch: The best epoch; 0 is the untrained state.
        history: One record per epoch.
        n_parameters: Number of trained parameters.
        earlier_seconds: Training time of the epochs that were restored from a checkpoint.
        options: What the backbone chose on the validation interactions once it was trained.
        rows: The backbone's own rows at the best epoch, before it makes final embeddings of them: float32 of shape
            (n_users + n_items, d), or (n_items, d) for a backbone without a user table.
        history_rows: What makes a user of a history exactly; None where nothing does.
    """

    users: FloatArray
    items: FloatArray
    best_epoch: int
    history: list[EpochRecord]
    n_parameters: int
    earlier_seconds: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    rows: FloatArray | None = None
    history_rows: HistoryRows | None = None


def train(
    backbone: Backbone,
    config: TrainingConfig,
    validate: Validate | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    sampler: TripleSampler | None = None,
    reporter: Reporter = SILENT,
    after_epoch: AfterEpoch | None = None,
    make_steps: MakeSteps = steps_of,
) -> TrainingResult:
    """Train a backbone on the interactions of its own graph.

    The randomness of an epoch depends only on (seed, epoch), so a resumed run gives the result of an uninterrupted one.

    Args:
        backbone: Its parameters and buffers are changed in place, and are restored to the best epoch at the end.
        config: How to train.
        validate: Takes final user and item embeddings and returns the metric that early stopping maximises; without
            it all epochs run and the last one counts as best.
        seed: Seed of the order of interactions, the negatives and the graph views.
        device: A torch device, "cpu" or "cuda".
        checkpoint: Where to save the state; a run continues from its checkpoint if there is one, also from that of a
            run with other `epochs` and `patience` where it holds the state that this one would have.
        sampler: Draws each epoch's interactions; by default all of the backbone's graph.
        reporter: Receives progress.
        after_epoch: Hears of every epoch that is trained, before it is saved; what it raises ends the training.
        make_steps: Returns what makes the steps of an epoch.

    Raises:
        ConfigError: The loss is no longer finite, or the device does not exist.
        DataError: There are no training interactions.
        StorageError: The checkpoint cannot be written.
    """
    keep_freed_memory()
    run = _Run(backbone.to(checked_device(device)), config, seed, checkpoint, sampler, make_steps)
    if run.optimizer.deferred is not None and not are_compiled(run.backbone):
        reporter.note("compiling kernels for this machine: this first time takes about half a minute")
    if run.restore(reporter, validates=validate is not None):
        reporter.note(f"resuming after epoch {run.progress.epoch}")
    with reporter.task(f"training {backbone.name}", config.epochs, run.progress.epoch) as task:
        while not run.finished:
            record = run.train_epoch(validate)
            task.advance(1, _describe(record, run.progress, config), run.seconds_left(validates=validate is not None))
            if after_epoch is not None:
                after_epoch(record)
            run.save(force=run.finished)
    return run.result(validate)


class _Run:
    def __init__(
        self,
        backbone: Backbone,
        config: TrainingConfig,
        seed: int,
        checkpoint: Checkpoint | None,
        sampler: TripleSampler | None = None,
        make_steps: MakeSteps = steps_of,
    ) -> None:
        self.backbone, self.config, self.seed, self.checkpoint = backbone, config, seed, checkpoint
        self.optimizer = Adam(backbone, config.learning_rate)
        backbone.deferred = self.optimizer.deferred
        self.run_steps = make_steps(backbone, self.optimizer, config.train_batch_size)
        adjacency = backbone.adjacency
        self.sampler = sampler or TripleSampler(*adjacency.edges, adjacency.n_users, adjacency.n_items)
        self.best = {name: value.clone() for name, value in self._state().items()}
        self.progress = RunState()
        self.earlier_seconds = 0.0
        self._epoch_seconds: list[float] = []
        self._saved_at = time.monotonic()

    @property
    def finished(self) -> bool:
        return self.progress.is_finished(self.config)

    def train_epoch(self, validate: Validate | None) -> EpochRecord:
        started = time.perf_counter()
        progress = self.progress
        progress.epoch += 1
        loss = self._pass_over_data()
        valid = None
        if validate is None:
            self._keep_as_best(progress.epoch)
        elif is_evaluated(progress.epoch, self.config):
            valid = float(validate(*self.backbone.final_embeddings()))
            if progress.observe(valid):
                self._keep_as_best(progress.epoch)
        self._epoch_seconds.append(time.perf_counter() - started)
        progress.seconds += self._epoch_seconds[-1]
        progress.history.append(EpochRecord(progress.epoch, loss, valid, progress.seconds))
        return progress.history[-1]

    def _pass_over_data(self) -> float:
        backbone, config, epoch = self.backbone, self.config, self.progress.epoch
        order_rng, view_rng = (np.random.default_rng([self.seed, epoch, stream]) for stream in range(2))
        backbone.start_epoch(view_rng)
        triples = self.sampler.epoch(order_rng, negatives=backbone.uses_negatives)
        mean: float = self.run_steps(triples) / -(-triples.shape[1] // config.train_batch_size)
        if not np.isfinite(mean):
            raise ConfigError(
                f"the loss became {mean} in epoch {epoch}, expected a finite number; lower learning_rate "
                f"(now {config.learning_rate}) or check the scale of the initial embeddings"
            )
        return mean

    def _state(self) -> dict[str, torch.Tensor]:
        """Return views of the backbone's parameters and buffers by their names."""
        return {name: value.detach() for name, value in self.backbone.state_dict().items()}

    def _keep_as_best(self, epoch: int) -> None:
        self.progress.best_epoch = epoch
        for name, value in self._state().items():
            self.best[name].copy_(value)

    def result(self, validate: Validate | None) -> TrainingResult:
        self.backbone.deferred = None
        self.backbone.load_state_dict(self.best)
        chosen = {} if validate is None else self.backbone.choose_serving(validate)
        users, items = self.backbone.final_embeddings()
        n_parameters = sum(parameter.numel() for parameter in self.optimizer.parameters.values())
        progress = self.progress
        rows = self.backbone.trained_rows()
        return TrainingResult(
            users,
            items,
            progress.best_epoch,
            progress.history,
            n_parameters,
            self.earlier_seconds,
            chosen,
            rows,
            self.backbone.history_rows(),
        )

    def seconds_left(self, *, validates: bool) -> float:
        """Estimate the time left; math.inf where early stopping may end the run, or nothing is known of the pace."""
        n_epochs = self.progress.certain_epochs(self.config, validates=validates)
        # The first epoch of a process may have compiled kernels.
        measured = self._epoch_seconds[1:]
        return float(np.median(measured)) * n_epochs if measured and n_epochs is not None else math.inf

    def save(self, *, force: bool) -> None:
        if self.checkpoint is None:
            return
        if not self.checkpoint.is_due(time.monotonic() - self._saved_at, force=force):
            return
        self.checkpoint.write(self._tensors(), asdict(self.progress) | {"adam_steps": self.optimizer.steps})
        self._saved_at = time.monotonic()

    def restore(self, reporter: Reporter, *, validates: bool) -> bool:
        saved = self.checkpoint.read(reporter) if self.checkpoint is not None else None
        if saved is None or self.checkpoint is None:
            return False
        tensors, state = saved
        current = self._tensors()
        if _shapes(current) != _shapes(tensors):
            self.checkpoint.set_aside(f"is of another {self.backbone.name}", reporter)
            return False
        steps, history = state.pop("adam_steps"), [EpochRecord(**record) for record in state.pop("history")]
        progress = RunState(**state, history=history).under(self.config, validates=validates)
        if progress is None:
            self.checkpoint.set_aside(
                f"is of a run of {len(history)} epochs, which holds no state of one with epochs={self.config.epochs} "
                f"and patience={self.config.patience}",
                reporter,
            )
            return False
        for name, value in current.items():
            value.copy_(tensors[name])
        self.optimizer.steps, self.progress = steps, progress
        self.earlier_seconds = self.progress.seconds
        return True

    def _tensors(self) -> dict[str, torch.Tensor]:
        """Return views of all tensors that a resumed run needs."""
        return {
            **{f"model.{name}": value for name, value in self._state().items()},
            **{f"best.{name}": value for name, value in self.best.items()},
            **{f"mean.{name}": moments.mean for name, moments in self.optimizer.moments.items()},
            **{f"square.{name}": moments.square for name, moments in self.optimizer.moments.items()},
        }


def checked_device(device: str) -> torch.device:
    """Return the device of that name, after checking that it exists.

    Raises:
        ConfigError: It is neither cpu nor cuda, or does not exist.
    """
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"device={device!r} is unknown; use cpu or cuda") from error
    if chosen.type not in {"cpu", "cuda"}:
        raise ConfigError(f"device={device!r} is not supported; use cpu or cuda")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device={device!r} does not exist: torch finds {torch.cuda.device_count()} CUDA devices; use device='cpu' "
            "or one that exists"
        )
    return chosen


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _describe(record: EpochRecord, progress: RunState, config: TrainingConfig) -> str:
    if record.valid is None:
        return f"loss {record.loss:.4f}"
    n_left = config.patience + 1 - progress.n_worse
    best = f"best {progress.best_valid:.4f} at epoch {progress.best_epoch}"
    stops = f"; stops in {n_left} if none is better" if progress.n_worse and n_left else ""
    return f"{config.valid_metric} {record.valid:.4f}, {best}{stops}"
