"""How far a comparison is: the best so far, what is at work, the time left."""

from collections.abc import Mapping, Sequence

import numpy as np

from llminit.comparison.execute import Job
from llminit.results import Cell, CellKey, Method

MOST_SHOWN = 4
"""Cells at work that the progress line names."""
SHOWN = ("recall@10", "ndcg@10")


class Scoreboard:
    """Keeps what the progress line shows.

    Args:
        finished: Cells that are done, by name; it is read when the best is asked for.
        jobs: Cells that are to be run.
        n_workers: How many are run at a time.
        metric: What the best is the best of, under `standard`.
    """

    def __init__(self, finished: Mapping[str, Cell], jobs: Sequence[Job], n_workers: int, metric: str) -> None:
        self._finished, self._n_workers, self._metric = finished, n_workers, metric
        self._waiting = {job.key.name: job.key for job in jobs}
        self._at_work: dict[str, str] = {}
        self._seconds: dict[tuple[str, bool], list[float]] = {}
        for cell in finished.values():
            self._took(cell)

    def progress(self, key: CellKey, text: str) -> None:
        """Note how far a cell is."""
        self._at_work[key.name] = text

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

    def seconds_left(self) -> float | None:
        """Guess the time left from the median time that such cells took; unknown ones count as the mean of the known.

        None before any cell is done.
        """
        known = {kind: float(np.median(seconds)) for kind, seconds in self._seconds.items()}
        if not known:
            return None
        usual = float(np.mean(list(known.values())))
        return sum(known.get(_kind(key), usual) for key in self._waiting.values()) / self._n_workers

    def line(self, cell: Cell) -> str:
        """Say what came out of a cell."""
        metrics = cell.metrics["standard"]
        shown = ", ".join(f"{name} {metrics[name]:.4f}" for name in SHOWN if name in metrics)
        epoch = "" if cell.best_epoch is None else f", best epoch {cell.best_epoch}"
        return f"{cell.key.name}: {shown}{epoch}, {sum(cell.seconds.values()):.0f} s"

    def _took(self, cell: Cell) -> None:
        self._seconds.setdefault(_kind(cell.key), []).append(sum(cell.seconds.values()))

    def _end(self, key: CellKey) -> None:
        self._waiting.pop(key.name, None)
        self._at_work.pop(key.name, None)

    def _best(self) -> str:
        by_method: dict[Method, list[float]] = {}
        for cell in self._finished.values():
            if self._metric in cell.metrics.get("standard", {}):
                by_method.setdefault(cell.key.method, []).append(cell.metrics["standard"][self._metric])
        if not by_method:
            return ""
        best = max(by_method, key=lambda method: float(np.mean(by_method[method])))
        return f"best so far {best.label} {np.mean(by_method[best]):.4f} {self._metric}"


def _kind(key: CellKey) -> tuple[str, bool]:
    """Return what cells that take about equally long have in common."""
    return key.model, key.control == "untrained"
