"""What a search found, and the file that `llminit fit --config` takes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from llminit.config import FitConfig
from llminit.storage import replacing_file
from llminit.tuning.space import Values

NOT_WRITTEN = {"preset", "refit"}
"""Options of `fit` that a search leaves to the caller."""


_SHORT = {"embedding_size": "d", "learning_rate": "lr", "train_batch_size": "batch"}


@dataclass(frozen=True)
class Trial:
    """A trial of a search.

    Attributes:
        position: Its place: 0, 1, 2, ...
        label: Of the first ones, a key of `space.BEGINNINGS` or a model as `fit` makes it; else empty.
        state: "finished", "pruned" or "failed".
        value: The validation metric's mean over the splits; None unless it finished.
        values: What it set.
        seconds: How long it took.
        error: Why it failed.
        best_epochs: The best epoch of each split; None for a baseline.
        chosen: What the model chose on the validation interactions by itself, such as the hops' weights.
    """

    position: int
    label: str
    state: str
    value: float | None
    values: Values
    seconds: float
    error: str = ""
    best_epochs: list[int | None] = field(default_factory=list)
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What it set, in one line."""
        return shown_values(self.values)


def shown_values(values: Values) -> str:
    """Return what a trial sets in one line."""
    return ", ".join(
        str(value) if name in ("backbone", "init") else f"{_SHORT.get(name, name)}={_rounded(value)}"
        for name, value in values.items()
    )


def _rounded(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        config: The best options, to be given to `llminit.fit`.
        best: The trial that they are of.
        metric: What was searched for, on the validation interactions, such as "ndcg@10".
        trials: All trials that have ended, in order.
        seconds: How long was searched, in all calls.
        inputs: The tables and the encoder, where these are named by paths and SPECs, by the options of `llminit fit`.
    """

    config: FitConfig
    best: Trial
    metric: str
    trials: list[Trial]
    seconds: float
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> dict[str, float | None]:
        """The values of what was tried first, by its label; None for a failure."""
        return {trial.label: trial.value for trial in self.trials if trial.label}

    def count(self, state: str) -> int:
        """Return how many trials ended in a way: "finished", "pruned" or "failed"."""
        return sum(trial.state == state for trial in self.trials)

    def toml(self) -> str:
        """Return the best options as TOML, with the inputs: what `llminit fit --config` takes."""
        counts = ", ".join(f"{self.count(state)} {state}" for state in ("finished", "pruned", "failed"))
        first = ", ".join(f"{label} {value:.4f}" for label, value in self.first.items() if value is not None)
        lines = [
            f"# The best of {len(self.trials)} trials ({counts}), written by llminit tune.",
            f"# Validation {self.metric}: {self.best.value:.4f}; tried first: {first}.",
            "# Use it so: llminit fit --config THIS_FILE --out FOLDER",
        ]
        options = self.config.model_dump(mode="json", exclude_none=True, exclude=NOT_WRITTEN)
        # TOML's tables come last, or what follows them would be theirs.
        values = dict(sorted((self.inputs | options).items(), key=lambda item: isinstance(item[1], dict)))
        return "\n".join(lines) + "\n" + tomli_w.dumps(values)

    def to_toml(self, path: str | Path) -> None:
        """Write `toml` to a file.

        Raises:
            StorageError: It cannot be written.
        """
        with replacing_file(Path(path)) as temporary:
            temporary.write_text(self.toml(), encoding="utf-8", newline="\n")
