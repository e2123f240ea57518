"""What a training run knows besides its tensors: how far it is, what was best, and when it stops."""

from dataclasses import dataclass, field

import numpy as np

from llminit.config import TrainingConfig


@dataclass(frozen=True)
class EpochRecord:
    """The record of one epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean loss per batch.
        valid: The validation metric, None if the epoch was not evaluated.
        seconds: Training time since the start of the run, with evaluation, over all resumed parts.
    """

    epoch: int
    loss: float
    valid: float | None
    seconds: float


@dataclass
class RunState:
    """The state of a run besides its tensors.

    Attributes:
        epoch: Epochs so far.
        seconds: Training time so far, over all resumed parts.
        best_valid: The best value of the validation metric.
        best_epoch: Its epoch; 0 is the untrained state.
        n_worse: Evaluations since then.
        history: One record an epoch.
    """

    epoch: int = 0
    seconds: float = 0.0
    best_valid: float = -np.inf
    best_epoch: int = 0
    n_worse: int = 0
    history: list[EpochRecord] = field(default_factory=list)

    def observe(self, valid: float) -> bool:
        """Record an evaluation and return whether it is the best so far; a tie counts as better."""
        if not valid >= self.best_valid:  # Not `<`, so that NaN counts as worse.
            self.n_worse += 1
            return False
        self.best_valid, self.best_epoch, self.n_worse = valid, self.epoch, 0
        return True

    def is_finished(self, config: TrainingConfig) -> bool:
        """Return whether a run with these options stops here."""
        return self.epoch >= config.epochs or self.n_worse > config.patience

    def certain_epochs(self, config: TrainingConfig, *, validates: bool) -> int | None:
        """Return how many epochs are left, or None where early stopping may end the run before.

        Args:
            config: The options of the run.
            validates: Whether epochs are evaluated; otherwise nothing stops early.
        """
        if self.is_finished(config):
            return 0
        # The last epoch is always evaluated, and stops nothing.
        n_evaluations = sum(is_evaluated(epoch, config) for epoch in range(self.epoch + 1, config.epochs))
        may_stop = validates and self.n_worse + n_evaluations > config.patience
        return None if may_stop else config.epochs - self.epoch

    def under(self, config: TrainingConfig, *, validates: bool) -> "RunState | None":
        """Return the state that a run with other `epochs` or `patience` has here, or where it stopped before.

        Args:
            config: The options of the run that is to continue.
            validates: Whether epochs are evaluated; otherwise the last one counts as best.

        Returns:
            None if such a run would have evaluated other epochs, or if its best epoch is not the one that was kept.
        """
        state = RunState()
        for record in self.history:
            if state.is_finished(config):
                break
            state.epoch, state.seconds = record.epoch, record.seconds
            state.history.append(record)
            if not validates:
                state.best_epoch = record.epoch
            elif is_evaluated(record.epoch, config) != (record.valid is not None):
                return None
            elif record.valid is not None:
                state.observe(record.valid)
        return state if state.best_epoch == self.best_epoch else None


def is_evaluated(epoch: int, config: TrainingConfig) -> bool:
    """Return whether an epoch is evaluated on the validation interactions."""
    return epoch % config.eval_every == 0 or epoch == config.epochs
