"""(j) How long to train when a measured model is trained once more on everything: the rules side by side.

One interaction of each user is set apart first and never trained on. The rest is split once more: its training part
trains, its validation part chooses the epoch, and then the whole rest is trained on for as long as each rule says.
Every model is measured on the interactions that were set apart. Leave-one-out holds out so little that the rules hardly
differ; with two fifths held out they do.

    python benchmarks/refit_rule.py --json benchmarks/results/refit_rule.json
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import torch
from scipy.sparse import csr_array

import benchmark_data
import common
from llminit.arrays import IntArray
from llminit.config import FitConfig, SplitConfig
from llminit.data import Dataset, HeldOut, make_dataset, read_interactions, split_interactions, to_csr
from llminit.evaluation import evaluate
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.refit import everything, refit_epochs

NOT_REFITTED, OURS = "no refit", "same steps"
SPLITS: dict[str, dict[str, Any]] = {
    "leave-one-out": {"split": "random-loo"},
    "two fifths": {"split": "ratio", "valid_share": 0.2, "test_share": 0.2},
}
METRICS = ("recall@10", "ndcg@10")


def main() -> None:
    """Measure every rule for every seed, and print and write the table."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--data", default="ml-latest-small")
    parser.add_argument("--backbone", default="mf")
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    name, path = benchmark_data.find_interactions(options.data)
    dataset = make_dataset(read_interactions(path), None, benchmark_data.FILTERS)
    started = time.perf_counter()
    rows = [
        {"held out": held_out, **row}
        for held_out, split in SPLITS.items()
        for seed in range(options.seeds)
        for row in measured(dataset, config_of(options, seed, split))
    ]
    setting = (
        f"{name}: {dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_interactions:,} interactions; "
        f"{options.backbone} from xavier, d={options.embedding_size}, batch {options.batch}, "
        f"learning rate {options.learning_rate:g}, {options.seeds} seeds, one thread"
    )
    content = {
        "benchmark": "refit_rule",
        "setting": setting,
        "machine": common.machine(),
        "seconds": time.perf_counter() - started,
        "rules": summary(rows),
        "rows": rows,
    }
    show(content)
    common.write_json(options.json, content)


def config_of(options: argparse.Namespace, seed: int, split: dict[str, Any]) -> FitConfig:
    """Return the options of a seed's models."""
    return FitConfig(
        backbone=options.backbone,
        init="xavier",
        embedding_size=options.embedding_size,
        train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        seed=seed,
        **split,
    )


def measured(dataset: Dataset, config: FitConfig) -> Iterator[dict[str, Any]]:
    """Yield a row for each rule: how many epochs and steps it takes, and its metrics on what was set apart."""
    apart = split_interactions(dataset, SplitConfig(), config.seed)
    extra = to_csr(apart.test, dataset.n_users, dataset.n_items)
    rest = Dataset(dataset.users, dataset.items, dataset.interactions.take(not_in(dataset, extra)))
    held_out = HeldOut(rest, split_interactions(rest, config.splitting, config.seed))
    seen = to_csr(rest.interactions, dataset.n_users, dataset.n_items)
    model = learn(held_out, None, config)
    n_train, n_all = len(held_out.split.train), rest.n_interactions
    yield row_of(NOT_REFITTED, config.seed, int(model.best_epoch or 0), n_train, config, model, extra, seen)
    for rule, epochs in rules(int(model.best_epoch or 0), n_train, n_all, config.train_batch_size).items():
        model = learn(everything(rest), None, config.model_copy(update={"epochs": epochs}))
        yield row_of(rule, config.seed, epochs, n_all, config, model, extra, seen)


def rules(best_epoch: int, n_train: int, n_all: int, batch_size: int) -> dict[str, int]:
    """Return the epochs on all interactions by each rule; the first is what `fit` does."""
    return {
        OURS: refit_epochs(best_epoch, n_train, n_all, batch_size),
        "same epochs": best_epoch,
        "more epochs, as the data": round(best_epoch * n_all / n_train),
    }


def not_in(dataset: Dataset, extra: csr_array) -> IntArray:
    """Return the positions of the interactions that were not set apart."""
    coded = dataset.interactions
    pairs = coded.users * dataset.n_items + coded.items
    rows, columns = extra.nonzero()
    positions: IntArray = np.flatnonzero(~np.isin(pairs, rows.astype(np.int64) * dataset.n_items + columns))
    return positions


def row_of(
    rule: str,
    seed: int,
    epochs: int,
    n_interactions: int,
    config: FitConfig,
    model: Learned,
    extra: csr_array,
    seen: csr_array,
) -> dict[str, Any]:
    """Measure a model on what was set apart; nothing that any model may have seen is ranked."""
    metrics = evaluate(model.scorer, extra, seen)["standard"]
    common.say(f"seed {seed}, {rule}: {epochs} epochs, recall@10 {metrics['recall@10']:.4f}")
    steps = epochs * -(-n_interactions // config.train_batch_size)
    return {"rule": rule, "seed": seed, "epochs": epochs, "steps": steps, **{name: metrics[name] for name in METRICS}}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each rule: means over the seeds, and the mean difference to `fit`'s rule and its spread."""
    by_rule: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_rule.setdefault((row["held out"], row["rule"]), []).append(row)
    summaries = []
    for (held_out, rule), of_rule in by_rule.items():
        means = {name: statistics.mean(row[name] for row in of_rule) for name in ("epochs", "steps", *METRICS)}
        ours = by_rule[held_out, OURS]
        gains = [row["recall@10"] - other["recall@10"] for row, other in zip(of_rule, ours, strict=True)]
        spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
        summaries.append(
            {"held out": held_out, "rule": rule, **means, "gain": statistics.mean(gains), "gain_sd": spread}
        )
    return summaries


def show(content: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n{content['setting']}\n{content['machine']}; {content['seconds']:.0f} s")
    print(f"{'held out':16}{'rule':28}{'epochs':>8}{'steps':>8}{'recall@10':>11}{'ndcg@10':>9}{'recall to ours':>20}")
    for row in content["rules"]:
        gain = f"{row['gain']:+.4f} ± {row['gain_sd']:.4f}"
        means = f"{row['epochs']:8.1f}{row['steps']:8.0f}{row['recall@10']:11.4f}{row['ndcg@10']:9.4f}"
        print(f"{row['held out']:16}{row['rule']:28}{means}{gain:>20}")


if __name__ == "__main__":
    main()
