"""(u) Two ranks of one thread each against one process of one thread: interactions a second, and bytes a step.

Both sides make steps of `softmax` on the same made interactions, in turn, A B A B; every rank has a batch of its own,
so that two ranks make twice the interactions a step. What one process does is the path without ranks; the other ranks
spin meanwhile, so that nothing else uses their cores and the memory. The bytes are counted, beside what
`llminit.distributed.cost` says they are. On a machine with other work, `chrt -r 1` before the command keeps that off.

    python benchmarks/distributed.py --json benchmarks/results/distributed.json
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import common
from lines import Worker
from llminit.distributed.cost import StepSizes, bytes_per_step

TARGET = 1.7
PORT = "29517"


def main() -> None:
    """Measure every batch size, print the table and write the JSON file."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--interactions", type=int, default=4_000_000)
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[256, 1024, 2048, 4096], help="interactions a step and rank"
    )
    parser.add_argument("--turn", type=int, default=100_000, help="interactions in a turn at a batch of 256")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers = [stack.enter_context(_worker(rank, options.ranks, Path(folder))) for rank in range(options.ranks)]
        sizes = {"n_users": options.users, "n_items": options.items, "n_interactions": options.interactions}
        versions = _all(workers, "load", width=options.embedding_size, **sizes)[0]["versions"]
        rows = [measure(workers, batch, options) for batch in options.batch]
    setting = (
        f"softmax, d={options.embedding_size}, {options.users:,} users, {options.items:,} items, "
        f"{options.interactions:,} interactions, {options.ranks} ranks of one thread"
    )
    report(rows, setting, options, versions)


def measure(workers: list[Worker], batch: int, options: argparse.Namespace) -> dict[str, Any]:
    """Time both sides in turn at one batch size a rank."""
    # A step's products grow with the square of the batch.
    steps = max(options.turn * 256 // batch**2, 10)
    common.say(f"batch {batch} a rank, {steps} steps a turn")

    def side(command: str) -> Callable[[], dict[str, Any]]:
        def ask() -> dict[str, Any]:
            answers = _all(workers, command, batch=batch, steps=steps)
            return answers[0] | {"cpu": sum(answer["cpu"] for answer in answers)}

        return ask

    sides = side("alone"), side("together")
    for ask in sides:
        ask()
    answers = common.in_turn(*sides, options.repeats)
    rates = [[answer["interactions"] / answer["seconds"] for answer in side] for side in answers]
    medians = [statistics.median(side) for side in rates]
    sizes = StepSizes(batch * options.ranks, options.embedding_size, options.ranks)
    return {
        "batch a rank": batch,
        "steps a turn": steps,
        "interactions a second, one process": rates[0],
        f"interactions a second, {options.ranks} ranks": rates[1],
        "medians": medians,
        "ratio": medians[1] / medians[0],
        "bytes that a rank sends in a step, counted": answers[1][-1]["sent"],
        "the same, by the formula, every row distinct": bytes_per_step(sizes),
        "exchanges a step": answers[1][-1]["rounds"],
        "notes": {common.OTHERS: common.max_others_share(answers)},
    }


def report(rows: list[dict[str, Any]], setting: str, options: argparse.Namespace, versions: dict[str, str]) -> None:
    """Print the table and, with --json, write the JSON file."""
    print(f"\n{setting}\n{common.machine()}")
    print(f"{'batch a rank':>14}{'one process /s':>16}{'ranks /s':>12}{'ratio':>8}{'KB a step':>11}{'others':>8}")
    for row in rows:
        one, several = row["medians"]
        sent, others = row["bytes that a rank sends in a step, counted"], row["notes"][common.OTHERS]
        print(
            f"{row['batch a rank']:14}{one:16,.0f}{several:12,.0f}{row['ratio']:7.2f}x{sent / 1e3:11,.0f}{others:8.0%}"
        )
    content = {
        "benchmark": "distributed",
        "setting": setting,
        "machine": common.machine(),
        "versions": versions,
        "repeats": options.repeats,
        "target": TARGET,
        "rows": rows,
    }
    common.write_json(options.json, content)


def _worker(rank: int, size: int, folder: Path) -> Worker:
    named = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ.get("MASTER_PORT", PORT)}
    variables = threads | where | {name: str(value) for name, value in named.items()}
    return Worker("rank_worker.py", folder / f"rank-{rank}.log", variables=variables)


def _all(workers: list[Worker], command: str, **values: Any) -> list[dict[str, Any]]:
    """Give every rank a command at once and return their answers."""
    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(lambda worker: dict(worker.ask(command, **values)), workers))


if __name__ == "__main__":
    main()
