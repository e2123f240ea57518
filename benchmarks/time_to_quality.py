"""(l) Quality against seconds of training: LLMInit's presets and backbones, closed forms, and ALS of two libraries.

All see the same split and, where they use text, the same text embeddings; each one's options are chosen on validation,
and test is touched once. Seconds are those of training with the chosen options, early stopping included; reading,
encoding and the search for options are not, but for EASE and L3AE, alone and in the presets: `fit` chooses their
options and counts that. A short run before compiles and warms up.

    python benchmarks/time_to_quality.py --json benchmarks/results/time_to_quality.json

writes the pictures beside the results, `time_to_quality-light.svg` and `time_to_quality-dark.svg`.
"""

import argparse
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import benchmark_data
import common
import peers
import quality_plot
from lines import Worker
from llminit import fit
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.evaluation import factor_scorer, mean_metric, ranks_under
from llminit.pipeline.inputs import load_dataset, text_source
from llminit.pipeline.training import initial_from

FILTERS: dict[str, dict[str, Any]] = {"amazon-video-games": {"k_core": 5}}
OURS: dict[str, dict[str, Any]] = {
    "LLMInit fast": {"preset": "fast"},
    "LLMInit best": {"preset": "best"},
    "LLMInit max": {"preset": "max"},
    "LightGCN + whiten": {"backbone": "lightgcn"},
    "SGCL + whiten": {"backbone": "sgcl"},
    "EASE": {"backbone": "ease"},
    "L3AE": {"backbone": "l3ae"},
}
GRIDS: dict[str, dict[str, list[Any]]] = {
    "irspack": {"alpha0": [0.03, 0.1, 0.3], "reg": [0.002, 0.005, 0.01]},
    "irspack-text": {"alpha0": [0.03, 0.1, 0.3], "reg": [0.002, 0.005, 0.01]},
    "implicit": {"alpha": [3.0, 10.0, 30.0], "regularization": [0.01, 0.1, 1.0]},
}
PEERS = {"irspack": "irspack iALS", "irspack-text": "irspack iALS + text", "implicit": "implicit ALS"}


def main() -> None:
    """Measure every method and print, write and draw the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="amazon-beauty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=[*OURS, *PEERS], default=[*OURS, *PEERS])
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    name, interactions = benchmark_data.find_interactions(options.data)
    config = FitConfig(seed=options.seed, **FILTERS.get(name, {"min_rating": 4, "k_core": 5}))
    rows = [row for method in options.methods if method in OURS for row in ours(method, interactions.parent, config)]
    chosen_peers = [method for method in options.methods if method in PEERS]
    rows += list(of_peers(chosen_peers, interactions.parent, config)) if chosen_peers else []
    for row in sorted(rows, key=lambda row: row["seconds"]):
        measured = "  ".join(f"{name} {row[name]:.4f}" for name in ("recall@10", "ndcg@10"))
        print(f"{row['method']:24}{row['seconds']:9.2f} s  {measured}")
    setting = f"{name}, random leave-one-out, seed {options.seed}, standard protocol"
    content = {"benchmark": "time_to_quality", "setting": setting, "machine": common.machine(), "rows": rows}
    common.write_json(options.json, content)
    if options.json is not None:
        quality_plot.write(content, options.json)


def ours(method: str, folder: Path, config: FitConfig) -> Iterator[dict[str, Any]]:
    """Fit one of LLMInit's models, after a short run that compiles."""
    named = OURS[method]
    asked = {name: getattr(config, name) for name in config.model_fields_set} | named | {"refit": False}

    def fitted(values: dict[str, Any]) -> dict[str, Any]:
        paths = [folder / name for name in ("interactions.parquet", "items.parquet", "embeddings-mpnet.parquet")]
        return fit(paths[0], paths[1], embeddings=paths[2], config=FitConfig.make(**values)).report

    if named.get("backbone") not in ("ease", "l3ae"):
        fitted(asked | {"epochs": 1})
    report = fitted(asked)
    common.say(f"{method}: {report['seconds_training']:.2f} s")
    yield _row(method, "LLMInit", report["seconds_training"], report["metrics"]["standard"], report["options"])


def of_peers(methods: list[str], folder: Path, config: FitConfig) -> Iterator[dict[str, Any]]:
    """Fit the peers at every point of their grid; of each, the best on validation is measured."""
    dataset = load_dataset(folder / "interactions.parquet", folder / "items.parquet", config)
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))
    text = text_source(dataset, embeddings=folder / "embeddings-mpnet.parquet").embeddings
    features = initial_from(held_out, text, config).items
    train = held_out.split.train
    with tempfile.TemporaryDirectory() as scratch:
        np.savez(
            Path(scratch) / "peers.npz",
            users=train.users,
            items=train.items,
            features=features,
            n_users=dataset.n_users,
            n_items=dataset.n_items,
        )
        with Worker("als_worker.py", Path(scratch) / "log", python=peers.als_python(), cwd=Path(scratch)) as worker:
            worker.ask("load", folder=scratch)
            for method in methods:
                yield _best_of(method, worker, held_out, config.embedding_size, Path(scratch) / "tables.npz")


def _best_of(method: str, worker: Worker, held_out: HeldOut, width: int, out: Path) -> dict[str, Any]:
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    for values in product(*GRIDS[method].values()):
        options = dict(zip(GRIDS[method], values, strict=True))
        answer = worker.ask("fit", model=method, width=width, out=str(out), **options)
        with np.load(out, allow_pickle=False) as tables:
            scorer = factor_scorer(tables["users"], tables["items"])
        valid = mean_metric(ranks_under("standard", scorer, held_out.valid, held_out.seen_at_valid), "ndcg@10")
        common.say(f"{method} {options}: {answer['seconds']:.2f} s, valid ndcg@10 {valid:.4f}")
        if valid > best[0]:
            ranks = ranks_under("standard", scorer, held_out.test, held_out.seen_at_test)
            metrics = {name: mean_metric(ranks, name) for name in ("recall@10", "ndcg@10")}
            best = valid, _row(PEERS[method], "peer", answer["seconds"], metrics, options)
    return best[1]


def _row(method: str, kind: str, seconds: float, metrics: dict[str, float], options: dict[str, Any]) -> dict[str, Any]:
    shown = {name: metrics[name] for name in ("recall@10", "ndcg@10")}
    return {"method": method, "kind": kind, "seconds": seconds, **shown, "options": options}


if __name__ == "__main__":
    main()
