"""A worker process: reads cells from its standard input, one JSON line each, and runs and writes them.

    python -m llminit.comparison.worker '{"work": ..., "out": ..., "device": ..., "threads": ...}'

It answers with JSON lines on its standard output. When its input closes, as it does when the parent ends for any
reason, the process ends at once: finished cells are complete files, and the running one has its checkpoint.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from llminit.comparison.execute import Job, Workplace
from llminit.comparison.prepared import PreparedData
from llminit.config import CompareConfig
from llminit.errors import LLMInitError, StorageError
from llminit.pipeline.parts import import_parts
from llminit.progress import Task
from llminit.results import CellKey

PROGRESS_SECONDS = 1.0


class _ParentReporter:
    """A reporter that sends messages to the parent process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last_sent = 0.0

    def send(self, kind: str, text: str = "") -> None:
        self._stream.write(json.dumps({"kind": kind, "text": text}) + "\n")
        self._stream.flush()

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        yield _ParentTask(self, name, total, done)

    def note(self, message: str) -> None:
        self.send("note", message)

    def progress(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last_sent >= PROGRESS_SECONDS:
            self._last_sent = now
            self.send("progress", text)


class _ParentTask:
    def __init__(self, reporter: _ParentReporter, name: str, total: int, done: int) -> None:
        self._reporter, self._name, self._total, self._done = reporter, name, total, done

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:  # noqa: ARG002
        self._done += steps
        self._reporter.progress(f"{self._name} {self._done}/{self._total} {status}".rstrip())


def error_text(error: BaseException) -> str:
    """Return an error as one message."""
    return str(error) if isinstance(error, LLMInitError) else f"{type(error).__name__}: {error}"


def main() -> None:
    """Run cells until the standard input closes."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    reporter = _ParentReporter(_message_stream())
    # A Ctrl-C at the terminal reaches this process too; the parent decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs = _jobs_from_stdin()
    import_parts(options["parts"])
    workplace = _workplace(options)
    reporter.send("ready")
    while True:
        line = json.loads(jobs.get())
        job = Job(CellKey(**line["key"]), line["fingerprint"])
        try:
            workplace.execute(job, reporter)
        except StorageError as error:
            reporter.send("stopped", str(error))
        except Exception as error:  # noqa: BLE001 - one cell that fails does not stop the others
            reporter.send("failed", error_text(error))
        else:
            reporter.send("done")


def _workplace(options: dict[str, Any]) -> Workplace:
    import torch

    torch.set_num_threads(options["threads"])
    work = Path(options["work"])
    config = CompareConfig(**json.loads((work / "config.json").read_text(encoding="utf-8")))
    data = PreparedData.load(work)
    return Workplace(data, config, Path(options["out"]), options["device"], options["checkpoint_seconds"])


def _jobs_from_stdin() -> "queue.Queue[str]":
    jobs: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            jobs.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return jobs


def _message_stream() -> TextIO:
    """Keep the standard output for messages; what libraries print goes to the standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    main()
