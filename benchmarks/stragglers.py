"""Stragglers and failures, simulated: what part of many ranks' time is training, from single steps of one rank.

Single steps are timed first (batch 1024, d=64, one thread, its own clock, and by the wall, which holds what else the
machine did). All ranks wait for the slowest at every step, so a step over P ranks takes the largest of P draws of the
measured times, and the exchange of the plan. Failures are independent: a rank fails once in --days days on average;
then all ranks lose what came after the last checkpoint, and wait for a restart. The seed makes the same run again.

    python benchmarks/stragglers.py --json benchmarks/results/stragglers.json --plot benchmarks/results/stragglers.svg
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import common
from stragglers_plot import draw

RANKS = (1, 2, 4, 8, 16, 32, 64)
N_STEPS = 20_000
HOURS = 2_000
SLOW_SHARE, SLOWER = 0.02, 1.5


def main() -> None:
    """Measure, simulate, print and write."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--steps", type=int, default=600, help="single steps that are timed")
    parser.add_argument("--days", type=float, default=30, help="mean days between two failures of one rank")
    parser.add_argument("--restart-minutes", type=float, default=5)
    parser.add_argument("--checkpoint-seconds", type=float, default=10, help="of all ranks, to disks of their own")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    before, cpu = common.core_seconds(), time.process_time()
    own, wall = single_steps(options.steps)
    others = common.others_share(before, common.core_seconds(), time.process_time() - cpu)
    rng = np.random.default_rng(0)
    exchange = exchange_seconds()
    rows = [row(n_ranks, own, wall, exchange, rng) for n_ranks in RANKS]
    failures = [failing(minutes, options, rng) for minutes in (5, 15, 30, 60, 120, 240)]
    content = {
        "benchmark": "stragglers",
        "setting": "batch 1024 a rank, d=64, one thread a rank, 1.25 GB/s; "
        f"failures: a rank every {options.days:g} days, {options.restart_minutes:g} min to restart, "
        f"{options.checkpoint_seconds:g} s a checkpoint; 64 ranks",
        "machine": common.machine(),
        "notes": {common.OTHERS: others},
        "step_quantiles": {
            name: dict(
                zip(("p50", "p95", "p99", "max"), np.quantile(times, (0.5, 0.95, 0.99, 1)).tolist(), strict=True)
            )
            for name, times in (("own clock", own), ("wall", wall))
        },
        "rows": rows,
        "failures": failures,
    }
    common.write_json(options.json, content)
    if options.plot is not None:
        options.plot.write_text(draw(rows), encoding="utf-8")
    for one in [*rows, *failures]:
        print({name: round(float(value), 4) for name, value in one.items()})


def single_steps(n_steps: int) -> tuple[Any, Any]:
    """Return the seconds of single steps, by the process's own clock and by the wall."""
    import numba
    from threadpoolctl import threadpool_limits

    from llminit.compiled.adam import AdamState
    from llminit.compiled.softmax import CompiledSoftmax, softmax_memory, softmax_steps

    numba.set_num_threads(1)
    rng = np.random.default_rng(0)
    n_rows, batch, width = 400_000, 1024, 64
    state = AdamState(*(rng.normal(size=(n_rows, width)).astype(np.float32) ** 2 for _ in range(3)))
    memory, loss = softmax_memory(n_rows, width, batch), CompiledSoftmax(0.15, np.empty(0, dtype=np.float32))
    times = []
    with threadpool_limits(1, user_api="blas"):
        for step in range(n_steps + 5):
            pairs = rng.integers(0, n_rows // 2, size=(2, batch)) + np.array([[0], [n_rows // 2]])
            own, wall = time.process_time(), time.perf_counter()
            softmax_steps(pairs, batch, loss, state, step, 1e-3, memory, 1)
            times.append((time.process_time() - own, time.perf_counter() - wall))
    own_seconds, wall_seconds = np.array(times[5:]).T
    return own_seconds, wall_seconds


def exchange_seconds() -> dict[int, float]:
    """Return what the plan says of the exchange of a step, by the number of ranks."""
    from llminit.plan import Problem, plan, read_constants

    constants = read_constants()
    sizes = {"users": 100_000_000, "items": 10_000_000, "interactions": 1_000_000_000}
    return {
        n_ranks: plan(Problem(**sizes, ranks=n_ranks, batch=1024 * n_ranks), constants).step.communication
        for n_ranks in RANKS
    }


def row(n_ranks: int, own: Any, wall: Any, exchange: dict[int, float], rng: np.random.Generator) -> dict[str, float]:
    """Return the efficiency of some ranks: the median step alone over the mean step of all."""
    alone = float(np.median(own))
    shared = own.copy()
    quiet = rng.choice(own, size=(N_STEPS, n_ranks)).max(axis=1).mean()
    busy = rng.choice(np.minimum(wall, 20 * alone), size=(N_STEPS, n_ranks)).max(axis=1).mean()
    slow = rng.choice(shared, size=(N_STEPS, n_ranks)) * np.where(
        rng.random((N_STEPS, n_ranks)) < SLOW_SHARE, SLOWER, 1
    )
    return {
        "ranks": n_ranks,
        "exchange_only": alone / (alone + exchange[n_ranks]),
        "own_clock": alone / (quiet + exchange[n_ranks]),
        "some_slow": alone / (slow.max(axis=1).mean() + exchange[n_ranks]),
        "one_slow_machine": alone / (quiet * (SLOWER if n_ranks > 1 else 1) + exchange[n_ranks]),
        "by_the_wall": alone / (busy + exchange[n_ranks]),
    }


def failing(minutes: float, options: argparse.Namespace, rng: np.random.Generator) -> dict[str, float]:
    """Return the share of time that 64 ranks train, with a checkpoint every so many minutes; by simulation."""
    n_ranks, between = 64, options.days * 24 * 60 / 64
    worked = clock = 0.0
    save, restart = options.checkpoint_seconds / 60, options.restart_minutes
    following = rng.exponential(between)
    while clock < HOURS * 60:
        if clock + minutes + save <= following:
            clock += minutes + save
            worked += minutes
            continue
        clock = following + restart
        following = clock + rng.exponential(between)
    return {"ranks": n_ranks, "checkpoint_minutes": minutes, "share_trained": worked / clock}


if __name__ == "__main__":
    main()
