"""Worker processes that run cells side by side, each on its own share of the cores."""

import queue
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from llminit.comparison.execute import Job, Workplace
from llminit.errors import StorageError
from llminit.progress import Reporter
from llminit.worker_processes import Messages, WorkerProcess, error_text

Kind = Literal["progress", "note", "done", "failed"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell.

    Attributes:
        job: The cell.
        kind: "done" and "failed" end it.
        text: Its progress, or why it failed.
    """

    job: Job
    kind: Kind
    text: str = ""


@dataclass(frozen=True)
class WorkerOptions:
    """Options of a worker process.

    Attributes:
        work: Folder with the prepared data and `config.json`.
        out: The results folder.
        device: A torch device.
        threads: CPU threads of one worker.
        checkpoint_seconds: Shortest time between two writes of a backbone's state.
        parts: Parts that it must import, each an option and MODULE:NAME; see `llminit.pipeline.parts`.
    """

    work: str
    out: str
    device: str
    threads: int
    checkpoint_seconds: float
    parts: list[tuple[str, str]] = field(default_factory=list)


def run_here(jobs: Sequence[Job], workplace: Workplace, reporter: Reporter) -> Iterator[Event]:
    """Run cells in this process, one after the other.

    Raises:
        StorageError: A cell cannot be written; the work of the cells that follow would be lost too.
    """
    for job in jobs:
        try:
            workplace.execute(job, reporter)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - one cell that fails does not stop the others
            yield Event(job, "failed", error_text(error))
        else:
            yield Event(job, "done")


def run_in_workers(jobs: Sequence[Job], n_workers: int, options: WorkerOptions) -> Iterator[Event]:
    """Run cells in worker processes, which end when the iteration is left for whatever reason.

    Args:
        jobs: The cells, in the order in which they are begun.
        n_workers: How many processes.
        options: Options of every worker.

    Raises:
        StorageError: A worker cannot write.
        LLMInitError: A worker cannot start.
    """
    waiting = deque(jobs)
    messages: Messages = queue.Queue()
    workers: list[_Worker] = []
    try:
        for number in range(min(n_workers, len(jobs))):
            workers.append(_Worker(options, number, messages))
            workers[-1].give(waiting.popleft())
        while any(worker.job is not None for worker in workers):
            worker, message = messages.get()
            if message is None:
                workers.remove(worker)
                yield from _death(worker)
                if waiting:
                    workers.append(_Worker(options, worker.number, messages))
                    workers[-1].give(waiting.popleft())
            elif message["kind"] == "ready":
                worker.is_ready = True
            elif message["kind"] == "stopped":
                raise StorageError(message["text"])
            elif worker.job is not None:
                yield Event(worker.job, message["kind"], message["text"])  # type: ignore[arg-type]
                if message["kind"] in ("done", "failed"):
                    worker.give(waiting.popleft() if waiting else None)
    finally:
        for worker in workers:
            worker.process.end()


class _Worker:
    """A worker process and the cell that it runs."""

    def __init__(self, options: WorkerOptions, number: int, messages: Messages) -> None:
        self.number, self.is_ready = number, False
        self.job: Job | None = None
        self.process = WorkerProcess(
            "llminit.comparison.worker",
            asdict(options),
            Path(options.work) / f"worker-{number}.log",
            options.threads,
            messages,
            self,
            finds_ours=bool(options.parts),
        )

    def give(self, job: Job | None) -> None:
        """Send the worker its next cell; None if there is none."""
        self.job = job
        if job is not None:
            self.process.send({"key": job.key.model_dump(mode="json"), "fingerprint": job.fingerprint})


def _death(worker: _Worker) -> Iterator[Event]:
    reason = worker.process.death(had_started=worker.is_ready)
    if worker.job is not None:
        yield Event(worker.job, "failed", reason)
