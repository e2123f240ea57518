"""How many worker processes this machine can run."""

import platform
from collections.abc import Sequence

from llminit.comparison.execute import Job, Workplace
from llminit.errors import ConfigError
from llminit.machine import available_memory
from llminit.models import BACKBONES, BASELINES, Sizes
from llminit.worker_processes import n_cores

_CORES_A_WORKER = 2
_WORKER_BYTES = 600 * 2**20
"""What the libraries and a block of scores take in each process."""
_BYTES_PER_TEXT_VALUE = 40
"""A selector computes in double precision on a copy, and a hop over the training graph makes two more."""


def described_machine() -> str:
    """Describe the machine: its system, its processor and the cores that this process may use."""
    cores = n_cores()
    return f"{platform.system()} {platform.machine()}, {cores} core{'' if cores == 1 else 's'}"


def chosen_workers(requested: int | None, jobs: Sequence[Job], workplace: Workplace) -> int:
    """Return how many processes run the cells.

    Two cores a process, as far as the memory allows: a process of two threads trains a LightGCN faster than two
    processes of one thread train two, which share the machine's caches. An accelerator is not shared.

    Args:
        requested: The number that the caller asked for; None chooses.
        jobs: The cells.
        workplace: What they need to run.

    Raises:
        ConfigError: The requested number is less than 0.
    """
    if requested is not None and requested < 0:
        raise ConfigError(f"workers={requested}; expected at least 0; 0 runs cells in this process")
    if not jobs:
        return 0
    if requested is not None:
        return min(requested, len(jobs))
    if workplace.device != "cpu":
        return 1
    memory = available_memory()
    most = min(n_cores() // _CORES_A_WORKER, len(jobs))
    return max(1, most if memory is None else min(most, int(0.8 * memory // _bytes_needed(jobs, workplace))))


def _bytes_needed(jobs: Sequence[Job], workplace: Workplace) -> int:
    width = max(workplace.data.widths.values(), default=0)
    most = max(_model_bytes(job, workplace, width) for job in jobs)
    return _WORKER_BYTES + most + workplace.data.dataset.n_items * width * _BYTES_PER_TEXT_VALUE


def _model_bytes(job: Job, workplace: Workplace, width: int) -> int:
    dataset, key = workplace.data.dataset, job.key
    sizes = Sizes(dataset.n_users, dataset.n_items, dataset.n_interactions, key.embedding_size or 0, width)
    model = BASELINES[key.model] if key.kind == "baseline" else BACKBONES[key.model]
    return model.memory_bytes(sizes)
