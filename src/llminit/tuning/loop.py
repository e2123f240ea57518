"""Runs the trials of a search until its budget is spent: one after the other in this process, or in workers."""

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from llminit.progress import Reporter, Task
from llminit.tuning.board import Board
from llminit.tuning.outcome import Outcome
from llminit.tuning.runner import TrialRunner
from llminit.tuning.study import Attempt, Search
from llminit.worker_processes import Messages, ToldTask, WorkerProcess


@dataclass(frozen=True)
class WorkerOptions:
    """Options of a worker process.

    Attributes:
        work: Folder with the prepared data and `base.json`, the options that all trials share.
        n_splits: How many splits a trial is averaged over.
        device: A torch device.
        threads: CPU threads of one worker.
        parts: Parts that it must import, each an option and MODULE:NAME; see `llminit.pipeline.parts`.
    """

    work: str
    n_splits: int
    device: str
    threads: int
    parts: list[tuple[str, str]] = field(default_factory=list)


def run_here(search: Search, runner: TrialRunner, reporter: Reporter) -> None:
    """Run trials in this process.

    Raises:
        StorageError: The search cannot be written.
    """
    with _screen(search, 1, reporter) as screen:
        while (attempt := search.begin()) is not None:
            screen.end(attempt, _run_one(search, attempt, runner, screen))


def _run_one(search: Search, attempt: Attempt, runner: TrialRunner, screen: "_Screen") -> Outcome:
    told = _TrialReporter(screen, attempt)
    return runner.run(attempt.config, lambda epoch, value: search.after_epoch(attempt, epoch, value), told)


def run_in_workers(search: Search, n_workers: int, options: WorkerOptions, reporter: Reporter) -> None:
    """Run trials in worker processes, which end with this call however it ends.

    The search is asked and told in this process alone; a worker hears after each epoch whether to go on.

    Args:
        search: The search.
        n_workers: How many processes.
        options: Options of every worker.
        reporter: Receives progress.

    Raises:
        LLMInitError: A worker cannot start.
        StorageError: The search cannot be written.
    """
    messages: Messages = queue.Queue()
    workers: list[_Worker] = []
    try:
        with _screen(search, n_workers, reporter) as screen:
            for number in range(min(n_workers, search.n_left)):
                workers.append(_Worker(options, number, messages))
                workers[-1].give(search.begin())
            while any(worker.attempt is not None for worker in workers):
                worker, message = messages.get()
                if message is None:
                    workers.remove(worker)
                    _bury(worker, screen)
                    if (attempt := search.begin()) is not None:
                        workers.append(_Worker(options, worker.number, messages))
                        workers[-1].give(attempt)
                else:
                    _hear(worker, message["kind"], message["text"], screen)
    finally:
        for worker in workers:
            worker.process.end()


class _Worker:
    """A worker process and the trial that it runs."""

    def __init__(self, options: WorkerOptions, number: int, messages: Messages) -> None:
        self.number, self.is_ready = number, False
        self.attempt: Attempt | None = None
        self.process = WorkerProcess(
            "llminit.tuning.worker",
            asdict(options),
            Path(options.work) / f"worker-{number}.log",
            options.threads,
            messages,
            self,
            finds_ours=bool(options.parts),
        )

    def give(self, attempt: Attempt | None) -> None:
        """Send the worker its next trial; None if there is none."""
        self.attempt = attempt
        if attempt is not None:
            self.process.send({"config": attempt.config.model_dump(mode="json")})


def _hear(worker: _Worker, kind: str, text: str, screen: "_Screen") -> None:
    """Do what a worker's message asks for."""
    attempt = worker.attempt
    if kind == "ready":
        worker.is_ready = True
    elif attempt is None:
        return
    elif kind == "epoch":
        worker.process.send({"word": screen.search.after_epoch(attempt, *json.loads(text))})
    elif kind == "progress":
        screen.progress(attempt, text)
    elif kind == "note":
        screen.note(attempt, text)
    elif kind == "done":
        screen.end(attempt, Outcome(**json.loads(text)))
        worker.give(screen.search.begin())


def _bury(worker: _Worker, screen: "_Screen") -> None:
    reason = worker.process.death(had_started=worker.is_ready)
    if worker.attempt is not None:
        screen.end(worker.attempt, Outcome("failed", error=reason))


class _Screen:
    """Writes what happens into the search, and shows it."""

    def __init__(self, search: Search, board: Board, task: Task, reporter: Reporter) -> None:
        self.search, self._board, self._task, self._reporter = search, board, task, reporter
        self._noted: set[str] = set()

    def progress(self, attempt: Attempt, text: str) -> None:
        self._board.progress(attempt, text)
        self._task.advance(0, self._board.status(), self._board.seconds_left())

    def note(self, attempt: Attempt, text: str) -> None:
        # What is true of one trial is true of most.
        if text not in self._noted:
            self._noted.add(text)
            self._reporter.note(f"{attempt.name}: {text}")

    def end(self, attempt: Attempt, outcome: Outcome) -> None:
        self.search.end(attempt, outcome)
        self._reporter.note(self._board.line(attempt, outcome))
        before = self._board.done
        self._board.end(attempt)
        self._task.advance(self._board.done - before, self._board.status(), self._board.seconds_left())


@contextmanager
def _screen(search: Search, n_workers: int, reporter: Reporter) -> Iterator[_Screen]:
    board = Board(search, n_workers)
    with reporter.task("trials", search.total, board.done) as task:
        task.advance(0, board.status(), board.seconds_left())
        yield _Screen(search, board, task, reporter)


class _TrialReporter:
    """Shows the progress of a trial's trainings in the status of the search."""

    def __init__(self, screen: _Screen, attempt: Attempt) -> None:
        self._screen, self._attempt = screen, attempt

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        yield ToldTask(lambda text: self._screen.progress(self._attempt, text), name, total, done)

    def note(self, message: str) -> None:
        self._screen.note(self._attempt, message)
