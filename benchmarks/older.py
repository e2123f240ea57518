"""(f) `llminit demo`, which `make demo` runs, against an older version of LLMInit, in the same environment.

Each run is a separate process that fits everything again; the data, the encoded texts and the compiled kernels exist
already, so that the comparison leaves out the installation.

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
    parser.add_argument("--before", default="c95b868", help="a commit; the default is the last one without kernels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", folder / "older", options.before], check=True)
        try:
            row = compare(folder, options)
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder / "older"], check=True)
    common.report("older", "llminit demo: MovieLens-100K, three LightGCNs and three baselines", [row], options, {})


def compare(folder: Path, options: argparse.Namespace) -> common.Comparison:
    """Time both versions in turn, after a warm-up run of each."""
    older, ours = (functools.partial(run, source, folder) for source in (folder / "older" / "src", ROOT / "src"))
    common.say("warming up: data, encoded texts, kernels")
    for side in (older, ours):
        side()
    answers = common.in_turn(older, ours, options.repeats)
    notes = {common.OTHERS: common.max_others_share(answers)}
    return common.Comparison("llminit demo", options.before, *common.seconds_of(answers), None, notes)


def run(source: Path, folder: Path) -> dict[str, Any]:
    """Run the demo of the version in `source` into a new folder."""
    before, started = _cpu_of_children(), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-m", "llminit", "demo", "--folder", out, "--cache", str(folder / "cache"), "--json"]
        environment = os.environ | {"PYTHONPATH": str(source)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - started, "cpu": _cpu_of_children() - before}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
