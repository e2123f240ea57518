"""(v) The order of interactions: L3AE, with windows of each history beside it, and with windows in a shuffled order.

All have the default options of L3AE, so that they differ in what they learn from alone. The shuffled order is the
control: as many windows, of interactions of the same users that did not follow each other.

    python benchmarks/order.py --json benchmarks/results/order.json
    python benchmarks/order.py --split temporal-loo --seeds 1 --json benchmarks/results/order_temporal.json
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import benchmark_data
import common
import presets
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.models import BASELINES
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.yardsticks import measured

TIMES = {
    "random-loo": {"amazon-video-games": "pos"},
    # A split in time needs all times, and a quarter of Beauty's timestamps are missing.
    "temporal-loo": {"amazon-video-games": "pos", "amazon-beauty": "pos"},
}
"""Which column orders interactions where it is not `timestamp`."""
WAYS = ("l3ae", "l3ae-windows", "shuffled order")


def main() -> None:
    """Fit every way on every data set and seed; print and write means and standard deviations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = ["amazon-beauty", "amazon-toys", "amazon-video-games", "ml-latest-small"]
    parser.add_argument("--data", nargs="+", default=names)
    parser.add_argument("--split", choices=["random-loo", "temporal-loo"], default="random-loo")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for data in options.data:
        by_seed = [run(data, seed, options.split) for seed in range(options.seeds)]
        for way in WAYS:
            runs = [of_seed[way] for of_seed in by_seed]
            rows.append({"data": data, "way": way, "runs": runs, **presets.summary(runs)})
            print(f"{data:22}{way:16}{rows[-1]['shown']}", flush=True)
        setting = f"{options.split}, {options.seeds} seed{'' if options.seeds == 1 else 's'}"
        content = {"benchmark": "order", "setting": setting, "machine": common.machine()}
        common.write_json(options.json, content | {"rows": rows})


def run(data: str, seed: int, split: str) -> dict[str, dict[str, Any]]:
    """Fit each way once and measure it on the test interactions."""
    folder = benchmark_data.find_interactions(data)[1].parent
    filters = presets.FILTERS.get(data, {"min_rating": 4, "k_core": 5})
    config = FitConfig.make(**filters, timestamp_column=TIMES[split].get(data, "timestamp"), split=split)
    dataset = load_dataset(folder / "interactions.parquet", folder / "items.parquet", config)
    text = presets.load(data)[1].values
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, seed))
    order = held_out.train_order
    if order is None:
        raise SystemExit(f"{data} has no timestamps")
    orders = {"l3ae": None, "l3ae-windows": order, "shuffled order": shuffled(order, seed)}
    found = {}
    for way, places in orders.items():
        fitted = BASELINES["l3ae" if places is None else "l3ae-windows"].make().fit(held_out.train, text, places)
        metrics = measured(fitted.scores, held_out).metrics["standard"]
        found[way] = {"seed": seed} | {name: metrics[name] for name in presets.METRICS}
    common.say(f"{data} {seed}: {statistics.mean(row['ndcg@10'] for row in found.values()):.4f}")
    return found


def shuffled(order: csr_array, seed: int) -> csr_array:
    """Return another order of the same interactions of each user."""
    rng, control = np.random.default_rng(seed), csr_array(order, copy=True)
    for start, stop in zip(control.indptr[:-1], control.indptr[1:], strict=True):
        control.data[start:stop] = rng.permutation(control.data[start:stop])
    return control


if __name__ == "__main__":
    main()
