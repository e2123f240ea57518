"""Peak memory of a cell, and the memory that is available for workers."""

import re
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def reset_peak_memory(device: str) -> None:
    """Reset the peak where the system supports it; elsewhere it is the peak since the process started."""
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
        match = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        match = None
    return int(match[1]) * 1024 if match else _peak_since_start()


def _peak_since_start() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has none.
        return None
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory(machine: Path = _MEMORY, group: Path = _GROUP) -> int | None:
    """Return how many bytes new processes can use, or None if that is unknown.

    Args:
        machine: The file in which the system reports the free memory of the whole machine; see proc(5).
        group: The folder with the limit of a container (cgroup v2). Files that cannot be read, or hold no number, are
            ignored.
    """
    on_machine = _number(machine, r"MemAvailable:\s+(\d+) kB")
    limit, used = (_number(group / name, r"\A(\d+)\s*\Z") for name in ("memory.max", "memory.current"))
    limits = [] if on_machine is None else [on_machine * 1024]
    if limit is not None and used is not None:
        # The cache of files counts as used, but the system drops it when memory runs short.
        cached = _number(group / "memory.stat", r"(?m)^inactive_file (\d+)$") or 0
        limits.append(max(0, limit - max(0, used - cached)))
    return min(limits, default=None)


def _number(path: Path, pattern: str) -> int | None:
    try:
        match = re.search(pattern, path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return None
    return int(match[1]) if match else None
