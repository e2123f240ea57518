"""(u) Gowalla, in the split of the LightGCN paper, without text: softmax from the graph's spectrum, and LightGCN.

A tenth of the training interactions chooses the temperature, the correction for popularity, the epochs and the hops;
then the model is trained once on all training interactions and meets the test once. The paper watches the test.
LightGCN, exact and with the paper's options, trains for as many epochs as RecBole would make in twenty times softmax's
time, by the ratio of RecBole's epoch to LLMInit's that epoch.py has measured; only these are timed and measured, on
the test interactions.

    python benchmarks/gowalla.py --json benchmarks/results/gowalla.json
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import benchmark_data
import common
from llminit.config import FitConfig, TrainingConfig
from llminit.data import HeldOut, Interactions, Split, make_dataset
from llminit.evaluation import Scorer, factor_scorer, mean_metric, ranks_under
from llminit.graph import normalized_adjacency
from llminit.initialization import xavier_embeddings
from llminit.models import BACKBONES
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.refit import refit_config
from llminit.pipeline.validation import validation_metric
from llminit.training import train

METRICS = ("recall@20", "ndcg@20")
PUBLISHED = {"recall@20": 0.1830, "ndcg@20": 0.1554}
"""LightGCN with three layers, its best epoch on the test (arXiv 2002.02126)."""
SHARED: dict[str, Any] = {
    "backbone": "softmax",
    "embedding_size": 64,
    "train_batch_size": 512,
    "learning_rate": 2e-3,
    "epochs": 50,
    "patience": 1,
    "valid_metric": "ndcg@20",
    "valid_users": 5000,
}
GRID = {"temperature": (0.1, 0.15), "log_q": (0.0, 0.3)}
TIMES = 20
"""The target: at most one twentieth of RecBole's time."""


def main() -> None:
    """Choose, train, measure, and write the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inits", nargs="+", default=["svd"], choices=["svd", "xavier"])
    parser.add_argument("--lightgcn-epochs", type=int, help="by default as many as the target allows RecBole")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    held_out, whole = split_of_the_paper()
    rows = [softmax(init, held_out, whole) for init in options.inits]
    rows.append(lightgcn(whole, rows[0]["seconds"], options.lightgcn_epochs))
    setting = f"{len(whole.split.train):,} training and {len(whole.split.test):,} test interactions; d=64"
    for row in rows:
        print(row)
    content = {"benchmark": "gowalla", "setting": setting, "machine": common.machine()}
    common.write_json(options.json, content | {"published": PUBLISHED, "rows": rows})


def split_of_the_paper() -> tuple[HeldOut, HeldOut]:
    """Return the data with a tenth of the training interactions for validation, and with none."""
    table = pl.read_parquet(benchmark_data.find_interactions("gowalla")[1])
    dataset = make_dataset(table.select("user_id", "item_id"), None, FitConfig().filters)
    users, items = dataset.users.codes(table["user_id"]), dataset.items.codes(table["item_id"])
    is_train = (table["split"] == "train").to_numpy()
    is_valid = is_train & (np.random.default_rng(0).random(len(users)) < 0.1)
    part = Interactions(users, items).take
    nothing = part([])
    return (
        HeldOut(dataset, Split(part(is_train & ~is_valid), part(is_valid), nothing)),
        HeldOut(dataset, Split(part(is_train), nothing, part(~is_train))),
    )


def softmax(init: str, held_out: HeldOut, whole: HeldOut) -> dict[str, Any]:
    """Choose options on validation, train on everything but the test, and measure."""
    started = time.perf_counter()
    tried = []
    for values in product(*GRID.values()):
        options = dict(zip(GRID, values, strict=True))
        config = FitConfig.make(**SHARED, init=init, backbone_options=options)
        learned = learn(held_out, None, config)
        tried.append((validated(learned, held_out, config), learned, config))
        common.say(f"{init} {options}: {tried[-1][0]:.4f} on validation after {learned.best_epoch} epochs")
    best, learned, config = max(tried, key=lambda row: row[0])
    searched = time.perf_counter() - started
    config = refit_config(config, learned, held_out, len(whole.split.train))
    started = time.perf_counter()
    model = learn(whole, None, config)
    seconds = time.perf_counter() - started
    return {
        "model": f"softmax, {init}",
        "epochs": config.epochs,
        "seconds": seconds,
        "seconds of the search": searched,
        "options": config.backbone_options,
        "validation": best,
        **measured(model.scorer, whole),
    }


def lightgcn(whole: HeldOut, seconds: float, n_epochs: int | None) -> dict[str, Any]:
    """Train LightGCN with the paper's options for some epochs, and measure it after the last."""
    dataset, part = whole.dataset, whole.split.train
    adjacency = normalized_adjacency(part.users, part.items, dataset.n_users, dataset.n_items)
    kind = BACKBONES["lightgcn"]
    start = xavier_embeddings(dataset.users.ids, dataset.items.ids, 64, 0)
    backbone = kind(start.users, start.items, adjacency, kind.options_type.make(n_layers=3))
    config = TrainingConfig.make(train_batch_size=2048, epochs=1)
    path = Path(__file__).parent / "results" / "epoch_gowalla.json"
    slower = json.loads(path.read_text(encoding="utf-8"))["comparisons"][0]["ratio"]
    epoch = train(backbone, config).history[-1].seconds
    # The share of an epoch that RecBole would be in is counted as a whole one.
    n_epochs = n_epochs or max(1, int(np.ceil(TIMES * seconds / (slower * epoch))))
    common.say(f"LightGCN: {epoch:.1f} s an epoch, RecBole's {slower:.1f} times as long; {n_epochs} epochs")
    backbone = kind(start.users, start.items, adjacency, kind.options_type.make(n_layers=3))
    result = train(backbone, config.model_copy(update={"epochs": n_epochs}))
    return {
        "model": "LightGCN, xavier",
        "epochs": n_epochs,
        "seconds": result.history[-1].seconds,
        "seconds of an epoch of RecBole's": slower * epoch,
        "options": {"n_layers": 3},
        **measured(factor_scorer(result.users, result.items), whole),
    }


def validated(learned: Learned, held_out: HeldOut, config: FitConfig) -> float:
    """Return what validation says of a trained model with its hops."""
    return validation_metric(held_out, config)(learned.scorer)


def measured(scorer: Scorer, whole: HeldOut) -> dict[str, float]:
    """Return the metrics on the test interactions."""
    ranks = ranks_under("standard", scorer, whole.test, whole.train)
    return {name: mean_metric(ranks, name) for name in METRICS}


if __name__ == "__main__":
    main()
