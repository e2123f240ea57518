"""The progress of a search: the best trial so far, the running ones and the time left."""

import math

import numpy as np

from llminit.tuning.outcome import Outcome
from llminit.tuning.result import shown_values
from llminit.tuning.study import Attempt, Search


class Board:
    """Keeps what the progress line shows.

    Args:
        search: The search.
        n_workers: How many trials run at a time.
    """

    def __init__(self, search: Search, n_workers: int) -> None:
        self._search, self._n_workers = search, n_workers
        self._running: dict[str, str] = {}
        self.done = len(search.settled())

    def progress(self, attempt: Attempt, text: str) -> None:
        """Record how far a trial is."""
        self._running[attempt.name] = text

    def end(self, attempt: Attempt) -> None:
        """Record that a trial has ended."""
        self._running.pop(attempt.name, None)
        self.done = len(self._search.settled())

    def status(self) -> str:
        """Return the best trial and the running ones, in one line."""
        shown = [f"[{name}: {text}]" for name, text in self._running.items()]
        return "; ".join([*self._best(), *shown])

    def seconds_left(self) -> float:
        """Estimate the time left from the trials that have ended; math.inf before there is one."""
        limit = self._search.asked.seconds
        budget = math.inf if limit is None else max(0.0, limit - self._search.seconds)
        seconds = [trial.user_attrs["outcome"]["seconds"] for trial in self._search.settled()]
        if not seconds:
            return budget
        n_left = self._search.total - len(seconds)
        # The first trial may have compiled kernels: the median forgets it.
        return min(budget, float(np.median(seconds)) * n_left / self._n_workers)

    def line(self, attempt: Attempt, outcome: Outcome) -> str:
        """Return how a trial ended, in one line."""
        metric = self._search.asked.valid_metric
        end = f"{metric} {outcome.value:.4f}" if outcome.value is not None else outcome.state
        end += f": {outcome.error}" if outcome.error else ""
        return f"{attempt.name}: {shown_values(attempt.values)}: {end}, {outcome.seconds:.0f} s"

    def _best(self) -> list[str]:
        best = self._search.best()
        if best is None:
            return []
        position, value = best.user_attrs["position"], best.value
        return [f"best {self._search.asked.valid_metric} {value:.4f} of trial {position}"]
