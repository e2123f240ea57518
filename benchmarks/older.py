"""(f) `llminit demo`, the job of `make demo`, against an older version of LLMInit, in the same environment.

Each run is a process of its own and fits everything anew; the data, the encoded texts and the compiled kernels are
there already, so what is compared is the work and not the installation.

    python benchmarks/older.py --before c95b868 --json benchmarks/results/older.json
"""

import argparse
import functools
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the demo of both versions in turn and print the ratio."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--before", default="c95b868", help="a commit; the default is the last one before the kernels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", place / "older", options.before], check=True)
        try:
            row = compare(place, options)
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", place / "older"], check=True)
    common.report("older", "llminit demo: MovieLens-100K, three LightGCNs and three baselines", [row], options, {})


def compare(place: Path, options: argparse.Namespace) -> common.Comparison:
    """Time both versions in turn, after one run of each that is not counted."""
    older, ours = (functools.partial(run, source, place) for source in (place / "older" / "src", ROOT / "src"))
    common.say("warming up: data, encoded texts, kernels")
    for side in (older, ours):
        side()
    answers = common.in_turn(older, ours, options.repeats)
    notes = {common.OTHERS: common.most_of_others(answers)}
    return common.Comparison("llminit demo", options.before, *common.seconds_of(answers), None, notes)


def run(source: Path, place: Path) -> dict[str, Any]:
    """Run the demo of the version in `source` into a new folder."""
    before, started = _cpu_of_children(), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=place) as out:
        command = [sys.executable, "-m", "llminit", "demo", "--folder", out, "--cache", str(place / "cache"), "--json"]
        environment = os.environ | {"PYTHONPATH": str(source)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - started, "cpu": _cpu_of_children() - before}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
