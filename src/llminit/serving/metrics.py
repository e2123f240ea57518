"""Counts and times of a server, in the text format that Prometheus reads (version 0.0.4)."""

import math
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
QUESTIONS = (1, 2, 4, 8, 16, 32, 64, 128)

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A number for each set of labels, which only grows."""

    kind = "counter"

    def __init__(self, name: str, help_text: str) -> None:
        self.name, self.help = name, help_text
        self._values: dict[Labels, float] = defaultdict(float)

    def add(self, amount: float = 1, **labels: str) -> None:
        """Add to the number of these labels."""
        self._values[tuple(labels.items())] += amount

    def lines(self) -> list[str]:
        """Return a line for each set of labels."""
        return [_line(self.name, labels, value) for labels, value in self._values.items()]


class Histogram:
    """How many values were at most as large as some bounds, for each set of labels."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self.name, self.help, self._bounds = name, help_text, bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = defaultdict(float)

    def observe(self, value: float, **labels: str) -> None:
        """Count a value."""
        key = tuple(labels.items())
        if key not in self._counts:
            self._counts[key] = [0] * (len(self._bounds) + 1)
        self._counts[key][bisect_left(self._bounds, value)] += 1
        self._sums[key] += value

    def lines(self) -> list[str]:
        """Return the buckets, sum and count of each set of labels."""
        lines = []
        for labels, counts in self._counts.items():
            total = 0
            for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
                total += count
                lines.append(_line(f"{self.name}_bucket", (*labels, ("le", _number(bound))), total))
            lines += [
                _line(f"{self.name}_sum", labels, self._sums[labels]),
                _line(f"{self.name}_count", labels, total),
            ]
        return lines


class Metrics:
    """All that a server counts."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests = Counter("llminit_requests_total", "Requests that were answered.")
        self.seconds = Histogram("llminit_request_seconds", "Time from a request to its answer.", SECONDS)
        self.batches = Histogram("llminit_batch_questions", "Questions that were answered together.", QUESTIONS)
        self.writes = Counter("llminit_writes_total", "Items and interactions that were added, and items removed.")
        self.reloads = Counter("llminit_reloads_total", "Models that were put in place of the one before, or not.")

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return everything as text.

        Args:
            gauges: What is so now: by name, the help text and the value.
        """
        lines: list[str] = []
        for metric in (self.requests, self.seconds, self.batches, self.writes, self.reloads):
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        own = {"process_start_time_seconds": ("When the process started.", self.started)}
        memory = resident_bytes()
        if memory is not None:
            own["process_resident_memory_bytes"] = ("Memory that the process takes.", memory)
        for name, (help_text, value) in {**gauges, **own}.items():
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", _line(name, (), value)]
        return "\n".join(lines) + "\n"


def resident_bytes() -> int | None:
    """Return the memory that this process takes, or None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(value) if value != int(value) else str(int(value))
