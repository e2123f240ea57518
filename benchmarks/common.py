"""Shared by all benchmarks: options, alternating runs (A B A B), a description of the machine, tables, JSON files."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MIN_REPEATS = 5
MAX_OTHERS_SHARE = 0.1
MIN_SECONDS_FOR_SHARE = 0.2
OTHERS = "largest share of the cores used by other processes in a turn"
# OpenMP's threads spin for a while after their work; the other side's turn starts when they sleep.
PAUSE = 0.5


@dataclass(frozen=True)
class Comparison:
    """The timings of two sides that did the same work in turn.

    Attributes:
        what: The work.
        peer: Name of side A, the one that LLMInit is compared with.
        peer_seconds: Its timings.
        seconds: LLMInit's timings, taken in turn with them.
        target: The ratio that LLMInit aims at.
        notes: Other measurements, such as both sides' loss, metrics or peak memory.
    """

    what: str
    peer: str
    peer_seconds: list[float]
    seconds: list[float]
    target: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The peer's median time over LLMInit's."""
        return statistics.median(self.peer_seconds) / statistics.median(self.seconds)

    def as_json(self) -> dict[str, Any]:
        """Return all fields and the medians as JSON values."""
        medians = {
            "peer_median": statistics.median(self.peer_seconds),
            "median": statistics.median(self.seconds),
            "ratio": self.ratio,
        }
        return asdict(self) | medians


def options_parser(description: str | None, *, repeats: int = MIN_REPEATS) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts share."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help=f"timings a side; quote {MIN_REPEATS} or more")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the result as JSON")
    return parser


def add_model_options(parser: argparse.ArgumentParser, backbones: list[str]) -> None:
    """Add the options that the training benchmarks share."""
    parser.add_argument("--data", help="a data set's name; default amazon-beauty, or ml-100k if that is missing")
    parser.add_argument("--backbone", nargs="+", choices=backbones, default=backbones)
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=256, help="training interactions a step")
    parser.add_argument("--layers", type=int, default=2)


def in_turn(
    first: Callable[[], dict[str, Any]], second: Callable[[], dict[str, Any]], repeats: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run two sides in turn, A B A B, and return their answers.

    Each answer holds `seconds` and `cpu`, and gets `others`: the share of all cores' time that other processes used.
    """
    answers: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for turn in range(repeats):
        for side, work, side_answers in zip("AB", (first, second), answers, strict=True):
            time.sleep(PAUSE)
            before = core_seconds()
            answer = work()
            side_answers.append(answer | {"others": others_share(before, core_seconds(), answer["cpu"])})
            say(f"  {side}{turn + 1}: {answer['seconds']:.3f} s")
    return answers


def say(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def max_others_share(answers: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> float:
    """Return the largest share of the cores that other processes used during a turn.

    The system counts in hundredths of a second, so short turns are left out.
    """
    turns = [answer for side in answers for answer in side if answer["seconds"] > MIN_SECONDS_FOR_SHARE]
    return round(max((answer["others"] for answer in turns), default=0.0), 3)


def seconds_of(answers: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> tuple[list[float], list[float]]:
    """Return both sides' timings of `in_turn`'s answers."""
    first, second = answers
    return [answer["seconds"] for answer in first], [answer["seconds"] for answer in second]


def machine() -> str:
    """Describe the machine in words."""
    words = [f"{len(os.sched_getaffinity(0))} cores" if hasattr(os, "sched_getaffinity") else f"{os.cpu_count()} cores"]
    words.append(_processor())
    if hasattr(os, "sysconf"):
        words.append(f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory")
    words.append(f"{platform.system()}, Python {platform.python_version()}")
    return ", ".join(words)


def report(
    name: str,
    setting: str,
    comparisons: list[Comparison],
    options: argparse.Namespace,
    versions: Mapping[str, str],
) -> None:
    """Print the table and, with --json, write the JSON file.

    Args:
        name: The benchmark's name, which the README's table refers to.
        setting: Data and sizes in one line.
        comparisons: The rows.
        options: Holds `repeats` and `json`.
        versions: Versions of the peers and of the libraries that both use.
    """
    print(f"\n{setting}\n{machine()}")
    print(f"{'':34}{'peer':>18}{'peer s':>10}{'LLMInit s':>11}{'ratio':>8}")
    for row in comparisons:
        values = row.as_json()
        print(f"{row.what:34}{row.peer:>18}{values['peer_median']:10.3f}{values['median']:11.3f}{row.ratio:7.1f}x")
        print(f"    peer    {_listed(row.peer_seconds)}\n    LLMInit {_listed(row.seconds)}")
        for key, value in row.notes.items():
            print(f"    {key}: {value}")
    for warning in _warnings(options.repeats, max(row.notes.get(OTHERS, 0.0) for row in comparisons)):
        print(f"NOTE: {warning}")
    content = {
        "benchmark": name,
        "setting": setting,
        "machine": machine(),
        "versions": dict(versions),
        "repeats": options.repeats,
        "comparisons": [row.as_json() for row in comparisons],
    }
    write_json(options.json, content)


def write_json(path: Path | None, content: Mapping[str, Any], indent: int | None = 1) -> None:
    """Write a result file with rounded numbers; do nothing without a path."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_rounded(content), indent=indent) + "\n", encoding="utf-8")


def in_gib(n_bytes: float) -> str:
    """Format bytes as GiB."""
    return f"{n_bytes / 2**30:.2f} GiB"


def _warnings(repeats: int, busy: float) -> list[str]:
    warnings = []
    if repeats < MIN_REPEATS:
        warnings.append(f"{repeats} timings a side, not the {MIN_REPEATS} that a ratio to quote needs")
    if busy > MAX_OTHERS_SHARE:
        warnings.append(f"other processes used {busy:.0%} of the cores during a timing; let them end and run again")
    return warnings


def _listed(seconds: list[float]) -> str:
    return " ".join(f"{value:.3f}" for value in seconds)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    names: dict[str, str] = {}
    for line in information.read_text().splitlines() if information.exists() else []:
        key, _, value = line.partition(":")
        names.setdefault(key.strip(), value.strip())
    if "model name" not in names:
        return platform.processor() or platform.machine()
    return f"{names['model name']} (family {names.get('cpu family', '?')}, model {names.get('model', '?')})"


def core_seconds() -> tuple[float, float]:
    """Return all cores' seconds since the machine started, and the busy part of them; zeros if unknown."""
    counters = Path("/proc/stat")
    if not counters.exists():
        return 0.0, 0.0
    ticks = [int(value) / os.sysconf("SC_CLK_TCK") for value in counters.read_text().splitlines()[0].split()[1:9]]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]


def others_share(before: tuple[float, float], after: tuple[float, float], own_cpu: float) -> float:
    """Return the share of the cores that other processes used between two values of `core_seconds`."""
    passed, used = after[0] - before[0], after[1] - before[1]
    return max(used - own_cpu, 0.0) / passed if passed else 0.0


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
