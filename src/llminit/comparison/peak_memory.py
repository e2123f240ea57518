"""The most memory that a piece of work held."""

import re
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


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


def available_memory(machine: Path = _MEMORY, group: Path = _GROUP) -> int | None:
    """Return how many bytes new processes can take, or None where it is unknown.

    Args:
        machine: Where the system says what is free on the whole machine; see proc(5).
        group: The folder where a container's limit stands (cgroup v2). Files that cannot be read, or say something
            else than numbers, limit nothing.
    """
    on_machine = _number(machine, r"MemAvailable:\s+(\d+) kB")
    limit, used = (_number(group / name, r"\A(\d+)\s*\Z") for name in ("memory.max", "memory.current"))
    found = [] if on_machine is None else [on_machine * 1024]
    if limit is not None and used is not None:
        # The cache of files counts as used, but the system drops it when memory runs short.
        dropped = _number(group / "memory.stat", r"(?m)^inactive_file (\d+)$") or 0
        found.append(max(0, limit - max(0, used - dropped)))
    return min(found, default=None)


def _number(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return None
    return int(found[1]) if found else None
