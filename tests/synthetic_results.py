"""A realistic results folder without any training: what `llminit compare` would write for a small grid."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

from llminit.evaluation import RelevantRanks, mean_metrics
from llminit.evaluation.groups import grouped_metrics
from llminit.results import Cell, CellKey, Header, ResultsFolder
from llminit.results.tables import write_table

HOSTILE_TITLE = "<script>window.stolen = 1</script> \"Tom & Jerry's\" </script><img src=x onerror='window.stolen = 1'>"
ENCODERS = ("embeddings-mpnet", "minilm")
SEEDS = (0, 1, 2)
N_USERS, N_ITEMS = 400, 150
MAPPED = "lightgcn_whiten_embeddings-mpnet_d128_seed-0"

# How much lower the logarithm of a rank is than the weakest method's.
_BASELINES = {"popularity": 0.0, "item-knn": 1.15, "ease": 1.35, "text-only": 0.7}
_BACKBONES = {"lightgcn": 1.0, "sgcl": 1.25}
_INITS = {"xavier": 0.0, "variance": 0.06, "whiten": 0.17, "pca": 0.13}
_CONTROLS = {"shuffled": -0.15, "noise": -0.2, "untrained": -0.6}
_METRICS = ("recall", "ndcg")
_SIZES = (16, 64, 256)


@dataclass(frozen=True)
class Plan:
    """Which parts of a comparison are written."""

    seeds: tuple[int, ...] = SEEDS
    encoders: tuple[str, ...] = ENCODERS
    sizes: tuple[int, ...] = _SIZES
    shares: tuple[float, ...] = (0.5, 0.25)
    histories: tuple[int, ...] = (2,)
    baselines: tuple[str, ...] = tuple(_BASELINES)
    controls: tuple[str, ...] = tuple(_CONTROLS)
    inits: tuple[str, ...] = tuple(_INITS)
    with_map: bool = True
    header: dict[str, Any] = field(default_factory=dict)


ANISOTROPY = {"mean_cosine": 0.37, "mean_share": 0.375, "top_share": 0.05}
SMALL = Plan(seeds=(0,), encoders=ENCODERS[:1], sizes=(), shares=(), histories=(), controls=(), with_map=False)


def write_results(path: Path, plan: Plan = Plan()) -> ResultsFolder:
    """Write a results folder and return it."""
    # Waiting for the disk takes most of the time, and test files need not survive a power cut.
    with patch("llminit.storage.os.fsync"):
        return _write(ResultsFolder(path), plan)


def _write(folder: ResultsFolder, plan: Plan) -> ResultsFolder:
    folder.write_header(_header(plan))
    for seed, key in ((key.seed, key) for key in _keys(plan)):
        if not folder.has_split(key.split_name):
            folder.write_split(key.split_name, _split(seed, key.train_share))
        _write_cell(folder, key)
    if plan.with_map:
        write_table(folder.path / "maps" / f"{MAPPED}.parquet", _map())
    return folder


def _keys(plan: Plan) -> Iterator[CellKey]:
    mpnet = plan.encoders[0]
    for seed in plan.seeds:
        for model in plan.baselines:
            yield CellKey(model=model, encoder=mpnet if model == "text-only" else None, seed=seed)
        for backbone, init in product(_BACKBONES, plan.inits):
            for encoder in [None] if init == "xavier" else plan.encoders:
                yield _key(backbone, init, encoder, seed)
        for control in plan.controls:
            yield _key("lightgcn", f"variance/{control}", mpnet, seed)
        for backbone, (init, encoder) in product(_BACKBONES, (("xavier", None), ("variance", mpnet))):
            for size in plan.sizes:
                yield _key(backbone, init, encoder, seed, embedding_size=size)
            for share in plan.shares:
                yield _key(backbone, init, encoder, seed, train_share=share)
            for history in plan.histories:
                yield _key(backbone, init, encoder, seed, max_history=history)


def _key(model: str, init: str, encoder: str | None, seed: int, **more: Any) -> CellKey:
    return CellKey(**{"model": model, "init": init, "encoder": encoder, "seed": seed, "embedding_size": 128} | more)


def _header(plan: Plan) -> Header:
    return Header(
        config={"split": "random-loo", "min_rating": 4.0, "k_core": 5, "valid_metric": "ndcg@10", "epochs": 300},
        fingerprint="5f1d0c" * 10,
        data={"n_users": 10553, "n_items": 6086, "n_interactions": 94148},
        encoders={name: {"width": 768, "n_missing": 0, "anisotropy": ANISOTROPY} for name in plan.encoders},
        versions={"llminit": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        machine="2 cores of x86_64, 24 GiB, Linux",
        command="llminit compare --interactions beauty/interactions.parquet --items beauty/items.parquet "
        "--embeddings beauty/embeddings-mpnet.parquet --min-rating 4 --k-core 5 --backbones lightgcn,sgcl "
        "--inits xavier,variance,whiten,pca --controls shuffled,noise,untrained --seeds 3 --out results/beauty",
    ).model_copy(update=plan.header)


def _split(seed: int, share: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 1])
    degrees = np.maximum(1, rng.lognormal(1.4, 0.8, N_USERS) * share).astype(int)
    popularity = np.maximum(1, rng.lognormal(1.8, 1.0, N_ITEMS) * share).astype(int)
    items = rng.integers(0, N_ITEMS, N_USERS)
    columns = {"user": np.arange(N_USERS), "item": items, "user_degree": degrees, "item_popularity": popularity[items]}
    return pl.DataFrame(columns)


def _write_cell(folder: ResultsFolder, key: CellKey) -> None:
    split = _split(key.seed, key.train_share)
    strength = _strength(key)
    ranks = {protocol: _ranks(key, split, strength - lower) for protocol, lower in (("standard", 0.0), ("paper", 0.35))}
    columns = pl.DataFrame(ranks, schema={"standard": pl.UInt16, "paper": pl.UInt16})
    rows = {name: _relevant(split, columns[name]) for name in ranks}
    trained = key.kind != "baseline"
    cell = Cell(
        key=key,
        fingerprint="0" * 64,
        split=key.split_name,
        metrics={name: mean_metrics(relevant, (10, 20), _METRICS) for name, relevant in rows.items()},
        groups={name: _groups(relevant, split) for name, relevant in rows.items()},
        beyond={name: _beyond_accuracy(key, strength) for name in ranks},
        best_epoch=_best_epoch(key) if trained else None,
        history=_history(key, strength) if trained else None,
        # The last seed ran beside other work.
        seconds={"fit": (4.0 + 40 * trained + key.seed) * (10 if key.seed == 2 else 1), "evaluate": 0.6},
        peak_memory_bytes=600_000_000 + 10_000_000 * key.seed,
        n_parameters=(key.embedding_size or 6086) * 16639,
        collapse={state: _collapse(key, state) for state in ("initial", "final")} if trained else None,
        tuning=None if trained else [{"options": {"l2": 100}, "valid": strength / 15}],
    )
    folder.write_cell(cell, columns)


def _relevant(split: pl.DataFrame, ranks: pl.Series) -> RelevantRanks:
    return RelevantRanks.from_rows(
        *(column.to_numpy().astype(np.int64) for column in (split["user"], split["item"], ranks))
    )


def _groups(ranks: RelevantRanks, split: pl.DataFrame) -> dict[str, dict[str, float]]:
    popularity = np.zeros(N_ITEMS, dtype=np.int64)
    popularity[split["item"].to_numpy()] = split["item_popularity"].to_numpy()
    degrees = split["user_degree"].to_numpy().astype(np.int64)
    groups: dict[str, dict[str, float]] = {}
    for row in grouped_metrics(ranks, ranks.items, degrees, popularity, (10,), _METRICS):
        groups.setdefault(row.group, {"n": row.n})[f"{row.metric}@{row.k}"] = row.value
    return groups


def _strength(key: CellKey) -> float:
    if key.kind == "baseline":
        return _BASELINES[key.model]
    gain = _INITS[str(key.selector)] * (0.7 if key.encoder == "minilm" else 1.0)
    size = float(np.log2((key.embedding_size or 128) / 128))
    # Random initial embeddings get worse above 128 dimensions, text does not.
    bend = -0.12 * abs(size) if key.init == "xavier" or size < 0 else 0.03 * size
    scarce = 0.5 * (1 - key.train_share) + (0.3 if key.max_history else 0.0)
    helped = gain * (1 + 2 * scarce)
    return _BACKBONES[key.model] + helped + bend - scarce + _CONTROLS.get(key.control or "", 0.0)


def _ranks(key: CellKey, split: pl.DataFrame, strength: float) -> np.ndarray:
    shared = np.random.default_rng([key.seed, 2]).normal(0, 1.3, len(split))
    noise = np.random.default_rng([key.seed, *key.method.name.encode()]).normal(0, 0.45, len(split))
    sparse = 0.5 * (split["user_degree"].to_numpy() < 5) * (key.kind == "backbone") * _INITS.get(key.init or "", 0.0)
    logarithm = 5.15 - strength - sparse + shared + noise + 0.02 * key.seed
    return np.clip(np.exp(logarithm), 1, 1001).astype(np.uint16)


def _beyond_accuracy(key: CellKey, strength: float) -> dict[str, float]:
    rng = np.random.default_rng(list(key.name.encode()))
    jitter = rng.normal(0, 0.004)
    return {
        "coverage@10": 0.4 + 0.2 * strength + jitter,
        "gini@10": 0.8 - 0.2 * strength + jitter,
        "novelty@10": 9.0 + strength + jitter,
        "popularity_bias@10": 2.5 - strength + jitter,
        "diversity@10": 0.6 + jitter,
    }


def _best_epoch(key: CellKey) -> int:
    return 0 if key.control == "untrained" else {"xavier": 56, "variance": 69}.get(key.init or "", 38) + key.seed


def _history(key: CellKey, strength: float) -> list[dict[str, Any]]:
    if key.control == "untrained":
        return []
    rng = np.random.default_rng([key.seed, *key.name.encode()])
    start = 0.02 if key.init == "xavier" else 0.5
    epochs = np.arange(1, _best_epoch(key) + 11)
    rise = start + (1 - start) * (1 - np.exp(-epochs / 15))
    valid = 0.045 * (1 + 0.5 * strength) * rise + rng.normal(0, 3e-4, len(epochs))
    return [
        {
            "epoch": int(epoch),
            "loss": float(0.7 * np.exp(-epoch / 30)),
            "valid": float(value),
            "seconds": 0.8 * float(epoch),
        }
        for epoch, value in zip(epochs, valid, strict=True)
    ]


def _collapse(key: CellKey, state: str) -> dict[str, Any]:
    size = key.embedding_size or 128
    steep = {"xavier": 0.2, "whiten": 0.05, "variance": 3.0, "pca": 2.0}[str(key.selector)]
    steep = steep if state == "initial" else 0.6 * steep + 0.9
    values = 12.0 * np.exp(-steep * np.linspace(0, 2, size))
    shares = values / values.sum()
    return {
        "singular_values": [float(f"{value:.5g}") for value in values],
        "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
        "information_abundance": float(values.sum() / values.max()),
        "alignment": 0.8 - 0.1 * (state == "final"),
        "uniformity": -2.0 - 0.5 * (state == "final"),
    }


def _map() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 3, (8, 2))
    text = centres[rng.integers(0, 8, N_ITEMS)] + rng.normal(0, 0.5, (N_ITEMS, 2))
    trained = 0.6 * text + rng.normal(0, 1.0, (N_ITEMS, 2))
    titles = [HOSTILE_TITLE, None] + [f"Shampoo No. {index}, 250 ml" for index in range(2, N_ITEMS)]
    return pl.DataFrame(
        {
            "item": np.arange(N_ITEMS, dtype=np.int32),
            "x_text": text[:, 0],
            "y_text": text[:, 1],
            "x_trained": trained[:, 0],
            "y_trained": trained[:, 1],
            "title": titles,
            "popularity": rng.integers(1, 200, N_ITEMS),
        }
    )
