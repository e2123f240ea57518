"""Measuring this machine's constants, in some seconds.

Steps of several batches and widths are timed over a table that no cache holds, and the four costs of a step are fitted
to them. A process of one thread is timed by its own clock, so that others on the machine do not count.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numba
import numpy as np
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from llminit.arrays import AnyArray
from llminit.compiled.adam import AdamState
from llminit.compiled.softmax import CompiledSoftmax, softmax_memory, softmax_steps
from llminit.plan.constants import Constants, shipped_constants
from llminit.training.sampler import TripleSampler

_ROWS = 400_000
_SHAPES = ((128, 32), (128, 128), (512, 64), (1024, 32), (1024, 64), (1024, 128), (2048, 64))
"""Batches and widths that are timed."""
_INTERACTIONS = 3_000_000
_SMALL_TRAINING = """
import re, numpy as np
from llminit.config import TrainingConfig
from llminit.graph import normalized_adjacency
from llminit.models import BACKBONES
from llminit.training import train
kind, rows = BACKBONES["softmax"], np.random.default_rng(0).normal(size=(5000, 64)).astype(np.float32)
users, items = np.divmod(np.arange(20_000), 5000)
graph = normalized_adjacency(users, items, 5000, 5000)
train(kind(rows, rows, graph, kind.options_type()), TrainingConfig(epochs=2, train_batch_size=1024))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024)
"""


def calibrated(machine: str, threads: int | None = None) -> Constants:
    """Measure this machine; what takes longer than some seconds keeps the shipped constants.

    Args:
        machine: What the result says of the machine.
        threads: Threads that a process is to have; by default those that numba uses.
    """
    with _threads(threads) as n_threads:
        product, logit, row_value, step = _step_costs(n_threads)
        measured = {
            "machine": machine,
            "date": datetime.now(UTC).date().isoformat(),
            "threads": n_threads,
            "product": product,
            "logit": logit,
            "row_value": row_value,
            "step": step,
            "interaction": _interaction_cost(n_threads),
            "base_bytes": _base_bytes(),
        }
    return shipped_constants().model_copy(update=measured)


@contextmanager
def _threads(asked: int | None) -> Iterator[int]:
    before = numba.get_num_threads()
    numba.set_num_threads(asked or before)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield asked or before
    finally:
        numba.set_num_threads(before)


def _base_bytes() -> float:
    """Return the peak memory of a process that trains on next to nothing; the shipped constant where it is unknown."""
    answer = subprocess.run([sys.executable, "-c", _SMALL_TRAINING], capture_output=True, text=True, check=False)
    return float(answer.stdout) if answer.stdout.strip().isdigit() else shipped_constants().base_bytes


def _step_costs(n_threads: int) -> AnyArray:
    """Return the costs of a step: of a product, a logit, a value of a row, and of the step itself."""
    terms, seconds = [], []
    for batch, width in _SHAPES:
        terms.append([batch * batch * width, batch * batch, 2 * batch * width, 1])
        seconds.append(_seconds_a_step(batch, width, n_threads))
    # Each time counts by its relative error.
    weights = 1 / np.array(seconds)
    scales = np.max(terms, axis=0)
    solution, _ = nnls(np.array(terms) / scales * weights[:, None], np.ones(len(seconds)))
    costs: AnyArray = solution / scales
    return costs


def _seconds_a_step(batch: int, width: int, n_threads: int) -> float:
    rng = np.random.default_rng(0)
    state = AdamState(*(rng.normal(size=(_ROWS, width)).astype(np.float32) ** 2 for _ in range(3)))
    memory = softmax_memory(_ROWS, width, batch)
    loss = CompiledSoftmax(0.15, np.empty(0, dtype=np.float32))
    n_steps = max(2, 2**24 // (batch * batch))
    pairs = rng.integers(0, _ROWS // 2, size=(2, n_steps * batch))
    pairs[1] += _ROWS // 2
    return best_of(lambda: softmax_steps(pairs, batch, loss, state, 0, 1e-3, memory, n_threads), n_threads) / n_steps


def _interaction_cost(n_threads: int) -> float:
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, _INTERACTIONS // 10, _INTERACTIONS), rng.integers(0, 50_000, _INTERACTIONS)
    sampler = TripleSampler(users, items, _INTERACTIONS // 10, 50_000)
    return best_of(lambda: sampler.epoch(rng, negatives=False), n_threads) / _INTERACTIONS


def best_of(work: Callable[[], object], n_threads: int, repeats: int = 4) -> float:
    """Return the least seconds of some runs after one that is not counted."""
    clock = time.process_time if n_threads == 1 else time.perf_counter
    work()
    seconds = []
    for _ in range(repeats):
        started = clock()
        work()
        seconds.append(clock() - started)
    return min(seconds)
