"""Peak memory of a cell."""

import re
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


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
