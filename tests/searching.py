"""Helpers for tests of searches for options."""

from typing import Any, Protocol

from llminit.tuning.result import Tuned


class Tune(Protocol):
    """Searches with these options, into tmp_path / "best.toml" unless `out` is another path."""

    def __call__(self, **options: Any) -> Tuned: ...


def values_of(tuned: Tuned) -> list[tuple[Any, ...]]:
    """Return all that a search's trials gave, but for how long they took."""
    return [(trial.state, trial.value, trial.values, trial.best_epochs, trial.chosen) for trial in tuned.trials]
