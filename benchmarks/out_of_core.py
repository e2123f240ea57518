"""Tables out of core: rows a second and peak memory of `llminit data prepare`, beside polars' and DuckDB's own engines.

Synthetic interactions with skewed degrees, one user for every 10 rows and one item for every 100, ids spread over
numbers that have gaps, in Parquet files of 5 million rows. A timing is a whole process from its start to its end. The
engines do the main part of the work in one query: code both ids, keep the earliest row of a pair, sort by user and
time, write. DuckDB's side is left out where it is not installed.

    python benchmarks/out_of_core.py --sizes 10 100 --json benchmarks/results/out_of_core.json
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import common

FILE_ROWS = 5_000_000
MAX_COMPARED = 20_000_000

POLARS = """
import sys, polars as pl
table = pl.scan_parquet(sys.argv[1] + "/*.parquet")
coded = table
for kind in ("user", "item"):
    ids = table.select(f"{kind}_id").unique().sort(f"{kind}_id").with_row_index(kind).collect(engine="streaming")
    coded = coded.join(ids.lazy(), on=f"{kind}_id")
kept = coded.group_by("user", "item").agg(pl.col("timestamp").min())
kept.sort("user", "timestamp").sink_parquet(sys.argv[2] + "/out.parquet", engine="streaming")
"""

DUCKDB = """
import sys, duckdb
source, out = sys.argv[1] + "/*.parquet", sys.argv[2]
base = duckdb.connect(out + "/out.db")
base.execute("set memory_limit = '3GB'")
for kind in ("user", "item"):
    base.execute(f"create table {kind}s as select row_number() over (order by {kind}_id) - 1 as {kind}, {kind}_id "
                 f"from (select distinct {kind}_id from '{source}')")
base.execute(f"copy (select users.user, items.item, min(timestamp) as time from '{source}' join users using (user_id) "
             f"join items using (item_id) group by 1, 2 order by 1, 3) to '{out}/out.parquet' (format parquet)")
"""


def main() -> None:
    """Measure each size, and the engines where they take minutes at most."""
    parser = common.options_parser(__doc__, repeats=1)
    parser.add_argument("--sizes", type=float, nargs="+", default=[10], help="millions of rows")
    parser.add_argument("--k-core", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the data and the results are put; they are removed again")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for size in sorted(options.sizes):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            n_rows = round(size * 1e6)
            (Path(folder) / "in").mkdir()
            n_bytes = make(n_rows, Path(folder) / "in")
            works = {f"llminit, {options.k_core}-core": prepare("--k-core", str(options.k_core)), "llminit": prepare()}
            if n_rows <= MAX_COMPARED:
                works |= {"polars streaming": code(POLARS), "DuckDB": code(DUCKDB)}
            for name, command in works.items():
                measured = [timed(command, Path(folder)) for _ in range(options.repeats)]
                rows += [about(name, n_rows, n_bytes, measured)] if all(measured) else []
            common.write_json(options.json, content(rows, options))
    show(rows)


def make(n_rows: int, folder: Path) -> int:
    """Write the files and return their bytes."""
    rng = np.random.default_rng(0)
    n_users, n_items = n_rows // 10, max(n_rows // 100, 1000)
    for number, start in enumerate(range(0, n_rows, FILE_ROWS)):
        count = min(FILE_ROWS, n_rows - start)
        columns = {
            "user_id": (rng.random(count) ** 1.5 * n_users).astype(np.int64) * 7 + 13,
            "item_id": (rng.random(count) ** 3 * n_items).astype(np.int64) * 3 + 1,
            "rating": rng.integers(1, 6, count).astype(np.float32),
            "timestamp": rng.integers(1_500_000_000, 1_700_000_000, count),
        }
        pl.DataFrame(columns).write_parquet(folder / f"part-{number:04}.parquet")
    return sum(path.stat().st_size for path in folder.iterdir())


def prepare(*options: str) -> list[str]:
    """Return the command of `llminit data prepare`."""
    inputs = ["--interactions", "{folder}/in", "--out", "{folder}/out/prepared"]
    return [sys.executable, "-m", "llminit", "data", "prepare", *inputs, *options]


def code(program: str) -> list[str]:
    """Return the command of an engine's program."""
    return [sys.executable, "-c", program, "{folder}/in", "{folder}/out"]


def timed(command: list[str], folder: Path) -> dict[str, Any]:
    """Run a command in a new folder; return nothing where it fails because a library is not there."""
    (folder / "out").mkdir()
    before, started = common.core_seconds(), time.perf_counter()
    filled = [part.replace("{folder}", str(folder)) for part in command]
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(filled, stdout=messages, stderr=messages)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        messages.seek(0)
        text = messages.read().decode()
    subprocess.run(["rm", "-rf", str(folder / "out")], check=True)
    if status:
        common.say(text[-500:])
        return {}
    cpu = usage.ru_utime + usage.ru_stime
    others = common.others_share(before, common.core_seconds(), cpu)
    return {"seconds": seconds, "cpu": cpu, "peak": usage.ru_maxrss * 1024, "others": others}


def about(name: str, n_rows: int, n_bytes: int, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a row of the result."""
    best = min(measured, key=lambda one: float(one["seconds"]))
    common.say(f"  {name}, {n_rows:,} rows: {best['seconds']:.1f} s, {common.in_gib(best['peak'])}")
    return {
        "what": name,
        "n_rows": n_rows,
        "input_bytes": n_bytes,
        "seconds": [one["seconds"] for one in measured],
        "rows_a_second": n_rows / best["seconds"],
        "cpu_seconds": best["cpu"],
        "peak_bytes": best["peak"],
        "notes": {common.OTHERS: best["others"]},
    }


def content(rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Return what the JSON file holds."""
    setting = f"whole processes, {options.repeats} timing a size, the best is quoted; synthetic interactions in Parquet"
    return {"benchmark": "out_of_core", "setting": setting, "machine": common.machine(), "rows": rows}


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(
        f"\n{common.machine()}\n{'':20}{'rows':>14}{'seconds':>9}{'M rows/s':>10}{'cpu s':>8}{'peak':>11}{'others':>8}"
    )
    for row in rows:
        figures = f"{min(row['seconds']):9.1f}{row['rows_a_second'] / 1e6:10.2f}{row['cpu_seconds']:8.1f}"
        others = f"{row['notes'][common.OTHERS]:8.0%}"
        print(f"{row['what']:20}{row['n_rows']:14,}{figures}{common.in_gib(row['peak_bytes']):>11}{others}")


if __name__ == "__main__":
    main()
