"""The progress of a comparison: the best method so far, the running cells and the time left."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from llminit.comparison.execute import Job
from llminit.evaluation import parse_metric
from llminit.results import Cell, CellKey, Method
from llminit.results.shown_metrics import shown_metrics
from llminit.verdicts.standing import standing_of

MAX_SHOWN = 4
"""The most running cells that the progress line names."""


class Scoreboard:
    """Keeps what the progress line shows.

    Args:
        finished: The finished cells by name; the best method is computed from those that it holds at the time.
        jobs: Cells to run.
        n_workers: How many are run at a time.
        metric: Metric of the best method under `standard`; where it was not measured, ndcg at the k that is shown.
    """

    def __init__(self, finished: Mapping[str, Cell], jobs: Sequence[Job], n_workers: int, metric: str) -> None:
        self._finished, self._n_workers, self._metric = finished, n_workers, metric
        self._waiting = {job.key.name: job.key for job in jobs}
        self._running: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self._seconds: dict[str, list[float]] = {}
        for cell in finished.values():
            self._add_seconds(cell)

    def progress(self, key: CellKey, text: str) -> None:
        """Record the progress of a cell."""
        self._running[key.name] = text
        self._started.setdefault(key.name, time.monotonic())

    def finish(self, cell: Cell) -> None:
        """Record that a cell is finished."""
        self._end(cell.key)
        self._add_seconds(cell)

    def fail(self, key: CellKey) -> None:
        """Record that a cell failed."""
        self._end(key)

    def status(self) -> str:
        """Return the best method so far and the running cells, in one line."""
        shown = [f"[{name}: {text}]" for name, text in list(self._running.items())[:MAX_SHOWN]]
        return "; ".join(part for part in (self._best(), *shown) if part)

    def seconds_left(self) -> float:
        """Estimate the time left: the median time of finished cells of the same kind, less the time already spent.

        math.inf while a cell waits and no cell of its kind is finished: one model can take a thousand times as long
        as another.
        """
        if not self._waiting:
            return 0.0
        medians = {kind: float(np.median(seconds)) for kind, seconds in self._seconds.items()}
        now = time.monotonic()
        left = [
            max(0.0, medians.get(_kind(key), math.inf) - (now - self._started.get(name, now)))
            for name, key in self._waiting.items()
        ]
        return sum(left) / min(self._n_workers, len(left))

    def line(self, cell: Cell) -> str:
        """Return the results of a cell in one line."""
        metrics = cell.metrics["standard"]
        shown = ", ".join(f"{name} {metrics[name]:.4f}" for name in _shown(metrics))
        epoch = "" if cell.best_epoch is None else f", best epoch {cell.best_epoch}"
        return f"{cell.key.name}: {shown}{epoch}, {sum(cell.seconds.values()):.0f} s"

    def _add_seconds(self, cell: Cell) -> None:
        self._seconds.setdefault(_kind(cell.key), []).append(sum(cell.seconds.values()))

    def _end(self, key: CellKey) -> None:
        self._waiting.pop(key.name, None)
        self._running.pop(key.name, None)
        self._started.pop(key.name, None)

    def _best(self) -> str:
        measured = {name: cell.metrics.get("standard", {}) for name, cell in self._finished.items()}
        # All cells of a folder have the same options, and so the same metrics.
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
    """Return the kind of a cell, for cells that take about equally long: its model, or "untrained"."""
    return key.control if key.control == "untrained" else key.model
