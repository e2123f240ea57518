"""Worker processes that run cells side by side, each on its own share of the cores."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from llminit.comparison.execute import Job, Workplace
from llminit.comparison.worker import error_text
from llminit.errors import LLMInitError, StorageError
from llminit.progress import Reporter

Kind = Literal["progress", "note", "done", "failed"]
_THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LOG_TAIL = 600
_SECONDS_TO_END = 10.0


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
    messages: queue.Queue[tuple[_Worker, dict[str, str] | None]] = queue.Queue()
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
            worker.end()


class _Worker:
    """A worker process, and the thread that reads its messages."""

    def __init__(self, options: WorkerOptions, number: int, messages: "queue.Queue[Any]") -> None:
        self.number, self.is_ready = number, False
        self.job: Job | None = None
        self.log = Path(options.work) / f"worker-{number}.log"
        command = [sys.executable, "-m", "llminit.comparison.worker", json.dumps(asdict(options))]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=_environment(options)
            )
        threading.Thread(target=self._listen, args=(self.process.stdout, messages), daemon=True).start()

    def give(self, job: Job | None) -> None:
        """Send the worker its next cell; None if there is none."""
        self.job = job
        if job is None or self.process.stdin is None:
            return
        line = json.dumps({"key": job.key.model_dump(mode="json"), "fingerprint": job.fingerprint})
        with suppress(OSError):  # The process may have died, which `_listen` reports.
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def _listen(self, stream: IO[bytes], messages: "queue.Queue[Any]") -> None:
        try:
            for line in stream:
                message = _message(line)
                if message is not None:
                    messages.put((self, message))
        finally:
            messages.put((self, None))


def _message(line: bytes) -> dict[str, str] | None:
    """Parse a message of a worker; None for a line that a library printed, while it was imported for example."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_message = isinstance(message, dict) and message.keys() == {"kind", "text"}
    return message if is_message else None


def _death(worker: _Worker) -> Iterator[Event]:
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(_SECONDS_TO_END)
    worker.end()
    code = worker.process.returncode
    tail = worker.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
    output = f"; its last output: {tail}" if tail else ""
    if not worker.is_ready:
        raise LLMInitError(f"a worker process could not start (exit code {code}){output}")
    reason = "; the system may have run out of memory: use fewer workers" if code < 0 else ""
    if worker.job is not None:
        yield Event(worker.job, "failed", f"the worker process ended with exit code {code}{reason}{output}")


def _environment(options: WorkerOptions) -> dict[str, str]:
    folders = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")]
    # Workers import third-party parts from the folders in which this process has found them.
    folders += [folder for folder in sys.path if folder] if options.parts else []
    threads = dict.fromkeys(_THREAD_VARIABLES, str(options.threads))
    return os.environ | threads | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
