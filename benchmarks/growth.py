"""(e) Growth: an epoch's time and the peak memory of LightGCN on synthetic interactions with power-law degrees.

There is one user for every 10 interactions and one item for every 50. Each size runs in a separate process. A timing
includes drawing an epoch's triples and its first --steps steps; the time of the whole epoch is extrapolated, because
all steps of one size cost the same. The first timing is not counted.

    python benchmarks/growth.py --json benchmarks/results/growth.json --plot benchmarks/results/growth.svg
"""

import argparse
import itertools
import statistics
import tempfile
from pathlib import Path
from typing import Any

import benchmark_data
import common
from growth_plot import draw
from lines import Worker


def main() -> None:
    """Measure each size, print the table and the growth relative to linear."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 1, 3, 10], help="millions of interactions")
    parser.add_argument("--backbone", default="lightgcn")
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="steps that stand for an epoch, at most")
    parser.add_argument("--plot", type=Path, metavar="OUT", help="also draw time and memory as an SVG")
    options = parser.parse_args()
    machine_line = common.machine()
    setting = f"{options.backbone}, d={options.embedding_size}, batch {options.batch}, {options.layers} layers"
    rows: list[dict[str, Any]] = []
    for size in sorted(options.sizes):
        rows.append(measure(round(size * 1e6), options))
        # The largest size may take an hour or not fit in memory, so results are written after each size.
        write(rows, setting, machine_line, options)
    show(rows, setting, machine_line)


def write(rows: list[dict[str, Any]], setting: str, machine_line: str, options: argparse.Namespace) -> None:
    """Write the plot with --plot and the JSON file with --json."""
    if options.plot is not None:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        options.plot.write_text(draw(rows, f"An epoch of {setting}"), encoding="utf-8")
    content = {
        "benchmark": "growth",
        "setting": setting,
        "machine": machine_line,
        "repeats": options.repeats,
        "rows": rows,
        "growth": growth(rows),
    }
    common.write_json(options.json, content)


def measure(n_interactions: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train one size in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        data = benchmark_data.synthetic(n_interactions)
        benchmark_data.write(data, Path(folder), options.embedding_size)
        sizes = {"n_interactions": n_interactions, "n_users": data.n_users, "n_items": data.n_items}
        del data
        with Worker("llminit_worker.py", Path(folder) / "llminit.log") as worker:
            load = {"backbone": options.backbone, "batch": options.batch, "n_layers": options.layers}
            loaded = worker.ask("load", folder=folder, **load)
            answer = worker.ask("steps", n_steps=options.steps, n_timings=options.repeats + 1)
    seconds = answer["all_seconds"][1:]
    common.say(f"  {n_interactions:,} interactions: {seconds} s, {common.in_gib(answer['peak'])}")
    steps = {"n_steps": -(-n_interactions // options.batch), "load_seconds": loaded["seconds"]}
    measured = {"seconds": seconds, "median": statistics.median(seconds), "peak_bytes": answer["peak"]}
    counted = {"counted_steps": answer["n_steps"], "share_of_edges": answer["share_of_edges"]}
    return sizes | steps | counted | measured


def growth(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return, for each size and the next, the ratio of their epoch times over the ratio of their interactions."""
    ratios = []
    one_million = [row for row in rows if row["n_interactions"] == 1_000_000]
    pairs = list(itertools.pairwise(rows))
    if one_million and rows[-1]["n_interactions"] > 3_000_000:
        pairs.append((one_million[0], rows[-1]))
    for smaller, larger in pairs:
        data = larger["n_interactions"] / smaller["n_interactions"]
        to_linear = larger["median"] / smaller["median"] / data
        ratios.append({"from": smaller["n_interactions"], "to": larger["n_interactions"], "to_linear": to_linear})
    return ratios


def show(rows: list[dict[str, Any]], setting: str, machine: str) -> None:
    """Print the table."""
    print(f"\n{setting}\n{machine}")
    times = f"{'epoch s':>10}{'step ms':>10}{'edges':>8}{'timings':>9}"
    print(f"{'interactions':>14}{'users':>12}{'items':>10}{times}{'peak memory':>13}")
    for row in rows:
        counts = f"{row['n_interactions']:14,}{row['n_users']:12,}{row['n_items']:10,}"
        step = 1000 * row["median"] / row["n_steps"]
        times = f"{row['median']:10.2f}{step:10.1f}{row['share_of_edges']:8.1%}{len(row['seconds']):9}"
        print(f"{counts}{times}{common.in_gib(row['peak_bytes']):>13}")
    for part in growth(rows):
        print(f"from {part['from']:,} to {part['to']:,}: {part['to_linear']:.2f}x linear")
    min_timings = min(len(row["seconds"]) for row in rows)
    if min_timings < common.MIN_REPEATS:
        print(f"NOTE: a size has only {min_timings} timings, not the {common.MIN_REPEATS} that a ratio to quote needs")


if __name__ == "__main__":
    main()
