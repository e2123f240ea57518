"""Worker processes: modules of this package that run beside this process, and the JSON lines that both speak.

A message of a worker is an object with `kind` and `text`. When a worker's input closes, as it does when its parent ends
for any reason, the worker ends at once.
"""

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO

from llminit.errors import LLMInitError
from llminit.progress import Task

PROGRESS_SECONDS = 1.0

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LOG_TAIL = 600
_SECONDS_TO_END = 10.0

Messages = queue.Queue[tuple[Any, dict[str, str] | None]]
"""What workers say, beside who says it; None where one has ended."""


def n_cores(limit: Path = _CPU_LIMIT) -> int:
    """Return how many cores this process may use.

    Args:
        limit: The file with a container's share of the cores (cgroup v2): "max 100000", or a quota and a period. It is
            ignored if it cannot be read or holds anything else.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, UnicodeDecodeError):
        quota = re.fullmatch(r"(\d+) ([1-9]\d*)", limit.read_text(encoding="ascii").strip())
        cores = min(cores, max(1, int(quota[1]) // int(quota[2]))) if quota else cores
    return cores


class WorkerProcess:
    """A worker process, and the thread that reads its messages.

    Args:
        module: The module that it runs.
        options: Its options, one JSON argument.
        log: Where what it prints goes.
        threads: CPU threads that its libraries take.
        messages: Gets what it says, beside `owner`.
        owner: Who the messages are from, for the reader of the queue.
        finds_ours: Whether it looks for modules wherever this process does, as parts of other packages need.
    """

    def __init__(
        self,
        module: str,
        options: dict[str, Any],
        log: Path,
        threads: int,
        messages: Messages,
        owner: Any,
        *,
        finds_ours: bool = False,
    ) -> None:
        self.log = log
        command = [sys.executable, "-m", module, json.dumps(options)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=_environment(threads, finds_ours=finds_ours),
            )
        threading.Thread(target=self._listen, args=(self.process.stdout, messages, owner), daemon=True).start()

    def send(self, value: dict[str, Any]) -> None:
        """Send a line; that the process has died is heard from `messages`."""
        if self.process.stdin is None:
            return
        with suppress(OSError):
            self.process.stdin.write(json.dumps(value).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def death(self, *, had_started: bool) -> str:
        """Return why the process has ended by itself, with the end of what it has printed.

        Raises:
            LLMInitError: It had not even started.
        """
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_SECONDS_TO_END)
        self.end()
        code = self.process.returncode
        tail = self.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
        output = f"; its last output: {tail}" if tail else ""
        if not had_started:
            raise LLMInitError(f"a worker process could not start (exit code {code}){output}")
        reason = "; the system may have run out of memory: use fewer workers" if code < 0 else ""
        return f"the worker process ended with exit code {code}{reason}{output}"

    def _listen(self, stream: IO[bytes], messages: Messages, owner: Any) -> None:
        try:
            for line in stream:
                message = _message(line)
                if message is not None:
                    messages.put((owner, message))
        finally:
            messages.put((owner, None))


def _message(line: bytes) -> dict[str, str] | None:
    """Parse a message of a worker; None for a line that a library printed, while it was imported for example."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_message = isinstance(message, dict) and message.keys() == {"kind", "text"}
    return message if is_message else None


def _environment(threads: int, *, finds_ours: bool) -> dict[str, str]:
    folders = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")]
    folders += [folder for folder in sys.path if folder] if finds_ours else []
    variables = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return os.environ | variables | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}


class ParentReporter:
    """A reporter that sends messages to the parent process; keep one for the whole life of a worker."""

    def __init__(self) -> None:
        # The standard output is for messages; what libraries print goes to the standard error.
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._last_sent = 0.0

    def send(self, kind: str, text: str = "") -> None:
        """Send a message."""
        self._stream.write(json.dumps({"kind": kind, "text": text}) + "\n")
        self._stream.flush()

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        """Send the progress of a task until the context ends."""
        yield ToldTask(self.progress, name, total, done)

    def note(self, message: str) -> None:
        """Send a note."""
        self.send("note", message)

    def progress(self, text: str) -> None:
        """Send progress, unless some was sent just now."""
        now = time.monotonic()
        if now - self._last_sent >= PROGRESS_SECONDS:
            self._last_sent = now
            self.send("progress", text)


class ToldTask:
    """A task whose progress is told in one line of text."""

    def __init__(self, tell: Callable[[str], None], name: str, total: int, done: int = 0) -> None:
        self._tell, self._name, self._total, self._done = tell, name, total, done

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:  # noqa: ARG002
        """Count steps and tell the new state."""
        self._done += steps
        self._tell(f"{self._name} {self._done}/{self._total} {status}".rstrip())


def lines_from_parent() -> "queue.Queue[str]":
    """Read lines of the parent in a thread; when there are no more, this process ends at once."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return lines


def error_text(error: BaseException) -> str:
    """Return an error as one message."""
    return str(error) if isinstance(error, LLMInitError) else f"{type(error).__name__}: {error}"
