"""One pass of statistics over text embeddings on the disk: GB/s, beside the disk's own read rate in the same run.

A table of float32 is written as .npy. Before each reading the system's page cache is emptied where this process may do
so (root on Linux); the result says whether it was. The disk's rate is that of reading the file in order.

    python benchmarks/statistics_pass.py --json benchmarks/results/statistics_pass.json
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import common
from lines import peak_memory

WIDTH = 384


def main() -> None:
    """Write the table, read it in turn in both ways, print and write."""
    parser = common.options_parser(__doc__, repeats=3)
    parser.add_argument("--rows", type=float, default=3, help="millions")
    parser.add_argument("--folder", type=Path, help="where the table is put; it is removed again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "table.npy"
        n_bytes = write(path, round(options.rows * 1e6))
        sides: dict[str, list[dict[str, Any]]] = {"read": [], "statistics": []}
        for _ in range(options.repeats):
            for name, work in (("read", read), ("statistics", statistics)):
                sides[name].append(timed(path, work))
    rates = {name: n_bytes / min(one["seconds"] for one in timings) for name, timings in sides.items()}
    content = {
        "benchmark": "statistics_pass",
        "setting": f"{options.rows:g} M x {WIDTH} float32, {n_bytes / 1e9:.2f} GB; the best of {options.repeats}; "
        f"page cache {'emptied' if sides['read'][0]['emptied'] else 'not emptied'} before each",
        "machine": common.machine(),
        "timings": sides,
        "read_bytes_a_second": rates["read"],
        "statistics_bytes_a_second": rates["statistics"],
        "share_of_read_rate": rates["statistics"] / rates["read"],
        "peak_bytes": peak_memory(),
    }
    common.write_json(options.json, content)
    print({name: value for name, value in content.items() if name != "timings"})


def write(path: Path, n_rows: int) -> int:
    """Write the table and return its bytes."""
    rng = np.random.default_rng(0)
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n_rows, WIDTH))
    block = rng.standard_normal((50_000, WIDTH), dtype=np.float32)
    for start in range(0, n_rows, len(block)):
        table[start : start + len(block)] = block[: n_rows - start] + np.float32(start % 7)
    table.flush()
    return path.stat().st_size


def timed(path: Path, work: Callable[[Path], object]) -> dict[str, Any]:
    """Empty the page cache where that is allowed, and time some work on the file."""
    emptied = empty_cache()
    before, cpu, started = common.core_seconds(), time.process_time(), time.perf_counter()
    work(path)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    others = common.others_share(before, common.core_seconds(), used)
    common.say(f"  {work.__name__}: {seconds:.2f} s")
    return {"seconds": seconds, "cpu": used, "others": others, "emptied": emptied}


def read(path: Path) -> None:
    """Read the file in order."""
    buffer = bytearray(2**23)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def statistics(path: Path) -> object:
    """Take mean and covariance of the mapped table."""
    from llminit.selectors.moments import moments_of

    return moments_of(np.load(path, mmap_mode="r"))


def empty_cache() -> bool:
    """Empty the page cache, if this process may."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
