"""The most memory that a piece of work held."""

import re
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def reset_peak_memory(device: str) -> None:
    """Start counting anew, where the system can; elsewhere the peak is that of the process since its start."""
    with suppress(OSError):
        _RESET.write_text("5")  # Linux: sets the peak to what is held now; see proc(5).
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats()


def peak_memory(device: str) -> int | None:
    """Return the peak in bytes: the accelerator's where there is one, else the process's; None where it is unknown."""
    if device != "cpu":
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else _of_the_process()


def _of_the_process() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has none.
        return None
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory() -> int | None:
    """Return how many bytes new processes can take, or None where it is unknown."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
