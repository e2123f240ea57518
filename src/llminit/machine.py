"""What this machine has left: memory and room on its disks."""

import re
import shutil
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


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


def free_space(path: Path) -> int:
    """Return how many bytes can be written to the file system that holds a path, or the nearest folder above it."""
    folder = path.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
