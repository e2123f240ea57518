"""The plan against measurement: seconds of an epoch and peak memory of softmax training, at three sizes.

The constants are measured first, in the same run. Each size is a process of its own that trains two epochs by the
library's trainer on synthetic interactions with skewed degrees, and reports its second epoch and its peak. Everything
has one thread, and is timed by the processes' own clocks: others on the machine do not count.

    python benchmarks/plan.py --json benchmarks/results/plan.json
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import common

WORKER = """
import json, sys, time
import numba, numpy as np
numba.set_num_threads(1)
from lines import peak_memory
from llminit.config import TrainingConfig
from llminit.graph import normalized_adjacency
from llminit.models import BACKBONES
from llminit.training import train

users, items, n, dim, batch = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
drawn = [(rng.random(n) ** power * size).astype(np.int64) for power, size in ((1.5, users), (2, items))]
keys, drawn = np.unique(drawn[0] * items + drawn[1]), None
pairs, keys = np.divmod(keys, items), None
adjacency = normalized_adjacency(*pairs, users, items)
kind = BACKBONES["softmax"]
starts = (rng.standard_normal((n_rows, dim), dtype=np.float32) for n_rows in (users, items))
backbone = kind(*starts, adjacency, kind.options_type())
clocks = []
config = TrainingConfig(train_batch_size=batch, epochs=3)
train(backbone, config, after_epoch=lambda _: clocks.append(time.process_time()))
print(json.dumps({"interactions": len(pairs[0]), "seconds": min(np.diff(clocks)), "peak": peak_memory()}))
"""


def main() -> None:
    """Measure the constants and each size, and print both beside the plan."""
    parser = common.options_parser(__doc__, repeats=1)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.5, 1.5, 4], help="millions of interactions")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--constants", type=Path, help="take these, rather than measuring them")
    options = parser.parse_args()
    constants = measured_constants(options.constants)
    rows = [row(round(size * 1e6), options, constants) for size in sorted(options.sizes)]
    content = {
        "benchmark": "plan",
        "setting": f"softmax, d={options.dim}, batch {options.batch}, one thread timed by its own clock",
        "machine": common.machine(),
        "constants": json.loads(constants.model_dump_json()),
        "rows": rows,
    }
    common.write_json(options.json, content)
    for one in rows:
        print(json.dumps(one))


def measured_constants(path: Path | None) -> Any:
    """Return the constants of a file, or of this machine."""
    from llminit.plan import read_constants
    from llminit.plan.calibrate import calibrated

    return calibrated("two cores of a shared server", threads=1) if path is None else read_constants(path)


def row(n: int, options: argparse.Namespace, constants: Any) -> dict[str, Any]:
    """Return one size: what was measured, what was planned, and the ratio."""
    from llminit.plan import Problem, plan

    users, items = n // 10, max(n // 100, 1000)
    sizes = map(str, (users, items, n, options.dim, options.batch))
    command = [sys.executable, "-c", WORKER, *sizes]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    measured = json.loads(answer.stdout)
    problem = Problem(
        users=users, items=items, interactions=measured["interactions"], dim=options.dim, batch=options.batch
    )
    planned = plan(problem, constants)
    common.say(f"  {n:,}: {measured['seconds']:.2f} s, planned {planned.epoch.seconds:.2f} s")
    return {
        "interactions": measured["interactions"],
        "users": users,
        "items": items,
        "epoch_seconds": measured["seconds"],
        "planned_epoch_seconds": planned.epoch.seconds,
        "epoch_ratio": planned.epoch.seconds / measured["seconds"],
        "peak_bytes": measured["peak"],
        "planned_bytes": planned.memory.total,
        "memory_ratio": planned.memory.total / measured["peak"],
    }


if __name__ == "__main__":
    main()
