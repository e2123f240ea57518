"""A worker process: takes cells from its standard input, one JSON line each, and writes them.

    python -m llminit.comparison.worker '{"work": ..., "out": ..., "device": ..., "threads": ...}'

It answers in JSON lines on its standard output. When its input closes, which it does when the parent ends in whatever
way, the process ends at once: finished cells are whole files, and the one in work has its checkpoint.
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

SPEAK_EVERY_SECONDS = 1.0


class _Speaker:
    """Sends messages to the parent, and is the reporter of the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._spoken = 0.0

    def say(self, kind: str, text: str = "") -> None:
        self._stream.write(json.dumps({"kind": kind, "text": text}) + "\n")
        self._stream.flush()

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        yield _SpokenTask(self, name, total, done)

    def note(self, message: str) -> None:
        self.say("note", message)

    def progress(self, text: str) -> None:
        now = time.monotonic()
        if now - self._spoken >= SPEAK_EVERY_SECONDS:
            self._spoken = now
            self.say("progress", text)


class _SpokenTask:
    def __init__(self, speaker: _Speaker, name: str, total: int, done: int) -> None:
        self._speaker, self._name, self._total, self._done = speaker, name, total, done

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:  # noqa: ARG002
        self._done += steps
        self._speaker.progress(f"{self._name} {self._done}/{self._total} {status}".rstrip())


def error_text(error: BaseException) -> str:
    """Say what went wrong in one message."""
    return str(error) if isinstance(error, LLMInitError) else f"{type(error).__name__}: {error}"


def main() -> None:
    """Run cells until the standard input closes."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    speaker = _Speaker(_own_stdout())
    # A Ctrl-C at the terminal reaches this process too; it is the parent that decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs = _jobs_from_stdin()
    import_parts(given["parts"])
    place = _workplace(given)
    speaker.say("ready")
    while True:
        line = json.loads(jobs.get())
        job = Job(CellKey(**line["key"]), line["fingerprint"])
        try:
            place.execute(job, speaker)
        except StorageError as error:
            speaker.say("stopped", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other cells go on
            speaker.say("failed", error_text(error))
        else:
            speaker.say("done")


def _workplace(given: dict[str, Any]) -> Workplace:
    import torch

    torch.set_num_threads(given["threads"])
    work = Path(given["work"])
    config = CompareConfig(**json.loads((work / "config.json").read_text(encoding="utf-8")))
    data = PreparedData.load(work)
    return Workplace(data, config, Path(given["out"]), given["device"], given["checkpoint_seconds"])


def _jobs_from_stdin() -> "queue.Queue[str]":
    jobs: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            jobs.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return jobs


def _own_stdout() -> TextIO:
    """Keep the standard output for messages; what libraries print goes to the standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    main()
