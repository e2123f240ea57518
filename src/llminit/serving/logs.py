"""One JSON object a line on stderr: what a log collector reads without being told how."""

import json
import logging
import sys
import time
from typing import Any, Protocol

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log(Protocol):
    """Writes what happens."""

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Write an event with its fields."""


class JsonLog:
    """Writes events as lines of JSON.

    Args:
        level: The lowest level that is written: debug, info, warning or error.
    """

    def __init__(self, level: str = "info") -> None:
        self._lowest = LEVELS[level]

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Write an event with its fields."""
        if LEVELS[level] < self._lowest:
            return
        line = {"time": _now(), "level": level, "event": event} | fields
        sys.stderr.write(json.dumps(line, default=str) + "\n")
        sys.stderr.flush()


class LogHandler(logging.Handler):
    """Hands what other libraries log to a `Log`."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as an event."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        error = None if record.exc_info is None else repr(record.exc_info[1])
        self._log(level, "library", logger=record.name, message=record.getMessage(), error=error)


def _now() -> str:
    seconds = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1000):03d}Z"
