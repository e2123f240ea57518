"""How far a comparison is: the best so far, what is at work, the time left."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from llminit.comparison.execute import Job
from llminit.evaluation import parse_metric
from llminit.results import Cell, CellKey, Method
from llminit.results.shown_metrics import shown_metrics
from llminit.verdicts.standing import standing_of

MOST_SHOWN = 4
"""Cells at work that the progress line names."""


class Scoreboard:
    """Keeps what the progress line shows.

    Args:
        finished: Cells that are done, by name; it is read when the best is asked for.
        jobs: Cells that are to be run.
        n_workers: How many are run at a time.
        metric: What the best is the best of, under `standard`; where it was not measured, ndcg at the k that is shown.
    """

    def __init__(self, finished: Mapping[str, Cell], jobs: Sequence[Job], n_workers: int, metric: str) -> None:
        self._finished, self._n_workers, self._metric = finished, n_workers, metric
        self._waiting = {job.key.name: job.key for job in jobs}
        self._at_work: dict[str, str] = {}
        self._begun: dict[str, float] = {}
        self._seconds: dict[str, list[float]] = {}
        for cell in finished.values():
            self._took(cell)

    def progress(self, key: CellKey, text: str) -> None:
        """Note how far a cell is."""
        self._at_work[key.name] = text
        self._begun.setdefault(key.name, time.monotonic())

    def finish(self, cell: Cell) -> None:
        """Note that a cell is done."""
        self._end(cell.key)
        self._took(cell)

    def fail(self, key: CellKey) -> None:
        """Note that a cell failed."""
        self._end(key)

    def status(self) -> str:
        """Say the best so far and what is at work, in one line."""
        shown = [f"[{name}: {text}]" for name, text in list(self._at_work.items())[:MOST_SHOWN]]
        return "; ".join(part for part in (self._best(), *shown) if part)

    def seconds_left(self) -> float:
        """Guess the time left from the median time that such cells took, less what those at work have taken already.

        math.inf while cells of a kind wait of which none is done: one model can take a thousand times as long as
        another, so the others say nothing of it.
        """
        if not self._waiting:
            return 0.0
        usual = {kind: float(np.median(seconds)) for kind, seconds in self._seconds.items()}
        now = time.monotonic()
        left = [
            max(0.0, usual.get(_kind(key), math.inf) - (now - self._begun.get(name, now)))
            for name, key in self._waiting.items()
        ]
        return sum(left) / min(self._n_workers, len(left))

    def line(self, cell: Cell) -> str:
        """Say what came out of a cell."""
        metrics = cell.metrics["standard"]
        shown = ", ".join(f"{name} {metrics[name]:.4f}" for name in _shown(metrics))
        epoch = "" if cell.best_epoch is None else f", best epoch {cell.best_epoch}"
        return f"{cell.key.name}: {shown}{epoch}, {sum(cell.seconds.values()):.0f} s"

    def _took(self, cell: Cell) -> None:
        self._seconds.setdefault(_kind(cell.key), []).append(sum(cell.seconds.values()))

    def _end(self, key: CellKey) -> None:
        self._waiting.pop(key.name, None)
        self._at_work.pop(key.name, None)
        self._begun.pop(key.name, None)

    def _best(self) -> str:
        measured = {name: cell.metrics.get("standard", {}) for name, cell in self._finished.items()}
        # Options are the same for all cells of a folder, so that what one was measured by all were.
        names = next(iter(measured.values()), {})
        metric = self._metric if self._metric in names else shown_metrics(_ks(names))[1]
        by_method: dict[Method, dict[int, float]] = {}
        for name, metrics in measured.items():
            key = self._finished[name].key
            if metric in metrics:
                by_method.setdefault(key.method, {})[key.seed] = metrics[metric]
        standing = standing_of(by_method)
        best = standing.best
        return "" if best is None else f"best so far {best.label} {standing.means[best]:.4f} {metric}"


def _ks(metrics: Iterable[str]) -> set[int]:
    return {parse_metric(name)[1] for name in metrics}


def _shown(metrics: Mapping[str, float]) -> list[str]:
    return [name for name in shown_metrics(_ks(metrics)) if name in metrics]


def _kind(key: CellKey) -> str:
    """Return what cells that take about equally long have in common: a model, or that none is trained."""
    return key.control if key.control == "untrained" else key.model
