"""Commands to a worker process and answers back, one JSON object a line; standard library only.

Each side of a comparison is a separate process that loads once and then does one piece of work per command, so that two
libraries that cannot be installed together take turns (A B A B) on the same machine and data.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

Handler = Callable[..., Mapping[str, Any]]


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer commands from standard input until it ends; what libraries print goes to standard error.

    Each answer also holds the processor time, in seconds over all threads, of the command and of the process.

    Args:
        handlers: For each command, a function of the command's values that returns the answer, JSON values only.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        before = time.process_time()
        try:
            answer = dict(handlers[request.pop("command")](**request))
        except Exception:  # noqa: BLE001
            answer = {"failed": traceback.format_exc()}
        now = time.process_time()
        print(json.dumps(answer | {"cpu": now - before, "process_cpu": now}), file=answers, flush=True)


class Worker:
    """A worker process, as the comparing script sees it."""

    def __init__(
        self,
        script: str,
        log: Path,
        *,
        python: str | Path = sys.executable,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process.

        Args:
            script: File name beside this one.
            log: File that receives what the worker prints.
            python: The interpreter.
            cwd: The worker's folder; with it, PYTHONPATH is removed.
            variables: Environment variables to set.
        """
        environment = os.environ | dict(variables or {})
        if cwd is not None:
            environment.pop("PYTHONPATH", None)
        self._log = log
        self._started = time.perf_counter()
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [str(python), str(Path(__file__).with_name(script))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=cwd,
                env=environment,
            )

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
            SystemExit: The worker failed; the message says why.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            tail = "\n".join(self._log.read_text(encoding="utf-8").splitlines()[-15:])
            raise SystemExit(f"the worker stopped at {command!r} with status {self._process.wait()}:\n{tail}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise SystemExit(f"the worker failed at {command!r}:\n{answer['failed']}")
        return answer

    def elapsed(self) -> float:
        """Return the seconds since just before the process was started."""
        return time.perf_counter() - self._started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes.

    Linux resets it for each program (VmHWM); `ru_maxrss` would also count the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
