"""The second stage of a comparison: the cells about new items and users, after all others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from llminit.comparison.cold_grid import LEARN_NOTHING
from llminit.comparison.execute import Job
from llminit.comparison.pool import Event
from llminit.errors import ArtefactError
from llminit.progress import Reporter, Task
from llminit.results import ColdCell, ColdFailure, ColdKey, ResultsFolder
from llminit.results.cold import TRADES

Events = Callable[[Sequence[Job], int | None], AbstractContextManager[Iterator[Event]]]
"""Runs cells with a number of workers, 0 being this process and None a choice, and gives what happens to them."""


def missing_jobs(folder: ResultsFolder, jobs: Sequence[Job]) -> list[Job]:
    """Return the cells that are not finished.

    Raises:
        ArtefactError: A finished cell is damaged, or was made from other data or with other options.
    """
    finished = folder.cold.cells()
    for job in jobs:
        name = job.key.name
        if name in finished and finished[name].fingerprint != job.fingerprint:
            raise ArtefactError(
                f"the cell {name} was made from other data or with other options than those in {folder.path}; "
                f"delete cold/{name}.json, and the same command runs it again"
            )
    return [job for job in jobs if job.key.name not in finished]


def run_cold(
    folder: ResultsFolder, jobs: Sequence[Job], waiting: Sequence[Job], events: Events, reporter: Reporter
) -> None:
    """Run the cells that wait; those that learn nothing in this process, as they need more than workers have.

    Args:
        folder: The results folder.
        jobs: All cells about new items and users.
        waiting: Those of them that are not finished.
        events: Runs cells.
        reporter: Receives progress.

    Raises:
        StorageError: A cell cannot be written.
    """
    here = [job for job in waiting if job.key.model in LEARN_NOTHING]
    shared = [job for job in waiting if job.key.model not in LEARN_NOTHING]
    try:
        with reporter.task("cells about new items", len(jobs), len(jobs) - len(waiting)) as task:
            for part, workers in ((here, 0), (shared, None)):
                if part:
                    _follow(folder, task, events(part, workers), reporter)
    finally:
        folder.remove_leftovers()


def _follow(
    folder: ResultsFolder, task: Task, events: AbstractContextManager[Iterator[Event]], reporter: Reporter
) -> None:
    with events as happening:
        for event in happening:
            if event.kind == "note":
                reporter.note(f"{event.job.key.name}: {event.text}")
            elif event.kind == "progress":
                task.advance(0, f"[{event.job.key.name}: {event.text}]")
            else:
                _note(event, folder, reporter)
                task.advance()


def _note(event: Event, folder: ResultsFolder, reporter: Reporter) -> None:
    key = event.job.key
    # A process that fails or is killed after it has written its cell has finished the cell.
    if folder.cold.has(key.name):
        reporter.note(_line(folder.cold.cell(key.name)))
    elif isinstance(key, ColdKey):
        folder.cold.write_failure(ColdFailure(key=key, error=event.text))
        reporter.note(f"{key.name} failed: {event.text}")


def _line(cell: ColdCell) -> str:
    """Return the results of a cell in one line."""
    shown = []
    if cell.rows:
        shown += [f"new items' recall@10 {cell.at(loss, 'recall@10'):.4f} at {loss:.0%} loss" for loss in TRADES]
    if cell.new_users and cell.new_users["metrics"]:
        shown.append(f"new users' recall@10 {cell.new_users['metrics']['recall@10']:.4f}")
    return f"{cell.key.name}: {', '.join([*shown, f'{sum(cell.seconds.values()):.0f} s'])}"
