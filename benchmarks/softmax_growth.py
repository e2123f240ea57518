"""Growth of softmax training in memory: an epoch at 10 and at 100 million interactions, d=64, float32, two threads.

One user for every 10 interactions and one item for every 100. A size is a process of its own, which holds what training
holds (rows, Adam's two moments, codes, an epoch's order) and takes a part of an epoch's steps by the trainer's kernel;
the epoch is extrapolated, since all steps of one size cost the same. Steps are timed in short runs, and their lower
quartile counts: other work on the machine makes some of them longer. The drawing of the order is timed whole.

    python benchmarks/softmax_growth.py --json benchmarks/results/softmax_growth.json
"""

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import common

WORKER = """
import json, sys, time
import numba, numpy as np
from threadpoolctl import threadpool_limits
from lines import peak_memory
from llminit.compiled.adam import AdamState
from llminit.compiled.softmax import CompiledSoftmax, softmax_memory, softmax_steps
from llminit.training.sampler import TripleSampler

n, dim, batch, threads, n_runs = map(int, sys.argv[1:])
numba.set_num_threads(threads)
n_users, n_items = n // 10, n // 100
rng = np.random.default_rng(0)
users, items = (np.empty(n, dtype=np.int64) for _ in range(2))
for start in range(0, n, 2**22):
    size = min(2**22, n - start)
    users[start : start + size] = rng.random(size, dtype=np.float32) ** 1.5 * (n_users - 1)
    items[start : start + size] = rng.random(size, dtype=np.float32) ** 2 * (n_items - 1)
n_rows = n_users + n_items
values = rng.standard_normal((n_rows, dim), dtype=np.float32)
state = AdamState(values, np.full_like(values, 0), np.full_like(values, 1e-4))
memory, loss = softmax_memory(n_rows, dim, batch), CompiledSoftmax(0.15, np.empty(0, dtype=np.float32))
started = time.perf_counter()
triples = TripleSampler(users, items, n_users, n_items).epoch(rng, negatives=False)
drawing = time.perf_counter() - started
at_once, seconds, cpu = 16, [], []
with threadpool_limits(1, user_api="blas"):
    for run in range(n_runs + 2):
        part = triples[:, run * at_once * batch : (run + 1) * at_once * batch]
        wall, own = time.perf_counter(), time.process_time()
        softmax_steps(part, batch, loss, state, run * at_once, 1e-3, memory, threads)
        seconds.append((time.perf_counter() - wall) / at_once)
        cpu.append((time.process_time() - own) / at_once)
steps = -(-n // batch)
answer = {"interactions": n, "users": n_users, "items": n_items, "threads": threads, "drawing_seconds": drawing}
answer |= {"step_seconds": float(np.quantile(seconds[2:], 0.25)), "median_step_seconds": float(np.median(seconds[2:]))}
answer |= {"step_cpu_seconds": float(np.median(cpu[2:])), "share_of_steps": n_runs * at_once / steps}
answer |= {"epoch_seconds": drawing + steps * answer["step_seconds"], "peak_bytes": peak_memory()}
print(json.dumps(answer))
"""


def main() -> None:
    """Measure each size, print and write."""
    parser = common.options_parser(__doc__, repeats=1)
    parser.add_argument("--sizes", type=float, nargs="+", default=[10, 100], help="millions of interactions")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=400, help="runs of 16 steps that are timed")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for size in sorted(options.sizes):
        rows.append(measured(round(size * 1e6), options))
        common.write_json(options.json, content(rows, options))
    print(json.dumps(content(rows, options), indent=1))


def content(rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Return what the JSON file holds."""
    growth = [
        {
            "from": smaller["interactions"],
            "to": larger["interactions"],
            "to_linear": larger["epoch_seconds"]
            / smaller["epoch_seconds"]
            / (larger["interactions"] / smaller["interactions"]),
        }
        for smaller, larger in itertools.pairwise(rows)
    ]
    return {
        "benchmark": "softmax_growth",
        "setting": f"softmax, d={options.dim}, batch {options.batch}, float32, {options.threads} threads; "
        "a part of the steps is timed, and the epoch extrapolated",
        "machine": common.machine(),
        "rows": rows,
        "growth": growth,
    }


def measured(n: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return one size, measured in a process of its own, with what other processes used of the cores meanwhile."""
    sizes = map(str, (n, options.dim, options.batch, options.threads, options.runs))
    before = common.core_seconds()
    command = [sys.executable, "-c", WORKER, *sizes]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    found: dict[str, Any] = json.loads(answer.stdout)
    # The process's own seconds are not known from outside: its steps are most of them.
    own = found["step_cpu_seconds"] * options.runs * 16
    return found | {"notes": {common.OTHERS: common.others_share(before, common.core_seconds(), own)}}


if __name__ == "__main__":
    main()
