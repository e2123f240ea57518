"""One cell: train or fit one thing, rank the test interactions, measure."""

import time
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import issparse

from llminit.analysis import describe, item_map
from llminit.arrays import FloatArray, IntArray
from llminit.baselines import make_baseline, tune
from llminit.comparison.controls import controlled
from llminit.comparison.grid import backbone_options, baseline_options, selector_options
from llminit.comparison.memory import peak_memory, reset_peak_memory
from llminit.comparison.prepared import PreparedData
from llminit.comparison.sparsity import thinned
from llminit.comparison.versions import versions
from llminit.config import CompareConfig, FitConfig
from llminit.data import Dataset, split_interactions
from llminit.errors import DataError
from llminit.evaluation import (
    METRICS,
    RelevantRanks,
    Scorer,
    beyond_accuracy,
    factor_scorer,
    grouped_metrics,
    mean_metrics,
    ranks_by_protocol,
    top_k,
)
from llminit.experiment import Division, initial_from, train_backbone
from llminit.initialization import XAVIER
from llminit.progress import SILENT, Reporter
from llminit.results import Cell, CellKey
from llminit.results.ranks import to_column
from llminit.text import TextEmbeddings
from llminit.training import CheckpointFile

GROUP_METRICS = ("recall", "ndcg")
LIST_LENGTH = 10
"""Length of the lists that are measured beyond accuracy."""


@dataclass(frozen=True)
class Measured:
    """A finished cell with what is written beside it.

    Attributes:
        cell: The record.
        ranks: One UInt16 column a protocol, one row a test interaction.
        split: The test interactions.
        map: Where the items lie in the text space and in the trained one, for the cells that a report draws.
    """

    cell: Cell
    ranks: pl.DataFrame
    split: pl.DataFrame
    map: pl.DataFrame | None = None


@dataclass(frozen=True)
class _Fitted:
    """What training or fitting gave."""

    scorer: Scorer
    record: dict[str, Any]
    items: FloatArray | None = None
    earlier_seconds: float = 0.0


def run_cell(
    data: PreparedData,
    config: CompareConfig,
    key: CellKey,
    fingerprint: str,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> Measured:
    """Train or fit what the key names and measure it on the test interactions.

    Args:
        data: The data set and text embeddings.
        config: The comparison's options.
        key: What to run.
        fingerprint: Of all that the cell depends on.
        device: A torch device, "cpu" or "cuda".
        checkpoint: Where a backbone keeps its state while it trains.
        reporter: Receives progress.

    Raises:
        InputError: The cell cannot be run: its loss diverged, the split has no test interactions, and the like.
    """
    reset_peak_memory(device)
    division = division_of(data.dataset, config, key)
    if not len(division.split.test):
        raise DataError("the split holds no test interactions, expected some; use another split or more data")
    text = None if key.encoder is None else data.texts[key.encoder]
    started = time.perf_counter()
    if key.kind == "baseline":
        fitted = _fit_baseline(division, text, config, key, reporter)
    else:
        fitted = _train(division, text, config, key, device, checkpoint, reporter)
    trained = time.perf_counter()
    ranks = ranks_by_protocol(fitted.scorer, division.test, division.known_before_test)
    record = fitted.record | {
        "metrics": {protocol: mean_metrics(found, config.ks, tuple(METRICS)) for protocol, found in ranks.items()},
        "groups": {protocol: _groups(found, division, config) for protocol, found in ranks.items()},
        "beyond": _beyond(fitted.scorer, division, data),
        "seconds": {"fit": trained - started + fitted.earlier_seconds, "evaluate": time.perf_counter() - trained},
        "peak_memory_bytes": peak_memory(device),
    }
    cell = Cell(key=key, fingerprint=fingerprint, split=key.split_name, versions=versions(), **record)
    columns = pl.DataFrame({protocol: to_column(found) for protocol, found in ranks.items()})
    drawn = None
    if text is not None and fitted.items is not None and _is_drawn(key, config):
        drawn = _map(text, fitted.items, _degrees(division)[1], data.titles)
    return Measured(cell, columns, split_rows(division), drawn)


def division_of(dataset: Dataset, config: CompareConfig, key: CellKey) -> Division:
    """Return the split data of a cell, thinned as its key says.

    Args:
        dataset: The filtered interactions.
        config: The comparison's options.
        key: The cell; others of its seed and sparsity have the same.

    Raises:
        DataError: The data cannot be split so.
    """
    split = split_interactions(dataset, config.splitting, key.seed)
    return thinned(dataset, split, key.train_share, key.max_history, key.seed)


def split_rows(division: Division) -> pl.DataFrame:
    """Return the test interactions as a results folder keeps them: user, user_degree, item_popularity.

    Sorted by user, then item; the item itself is not kept.
    """
    test, (degrees, popularity) = division.split.test, _degrees(division)
    columns = {
        "user": test.users,
        "item": test.items,
        "user_degree": degrees[test.users],
        "item_popularity": popularity[test.items],
    }
    return pl.DataFrame(columns).sort("user", "item").drop("item")


def fit_config(config: CompareConfig, key: CellKey) -> FitConfig:
    """Return the options with which `fit` does what the cell of a backbone does, its control aside."""
    shared = {name: getattr(config, name) for name in FitConfig.model_fields if name in CompareConfig.model_fields}
    selector = str(key.selector)
    chosen = {
        "backbone": key.model,
        "backbone_options": backbone_options(config, key.model),
        "init": selector,
        "init_options": {} if selector == XAVIER else selector_options(config, selector),
        "embedding_size": key.embedding_size,
        "seed": key.seed,
    }
    chosen |= {"epochs": 0} if key.control == "untrained" else {}
    return FitConfig.make(**shared | chosen)


def _train(
    division: Division,
    text: TextEmbeddings | None,
    config: CompareConfig,
    key: CellKey,
    device: str,
    checkpoint: CheckpointFile | None,
    reporter: Reporter,
) -> _Fitted:
    options = fit_config(config, key)
    initial = controlled(initial_from(division, text, options), key.control, division.train, key.seed)
    result = train_backbone(division, initial, options, device=device, checkpoint=checkpoint, reporter=reporter)
    collapse = {
        "initial": _described(initial.users, initial.items, division, key.seed),
        "final": _described(result.users, result.items, division, key.seed),
    }
    record = {
        "best_epoch": result.best_epoch,
        "history": [asdict(epoch) for epoch in result.history],
        "n_parameters": initial.users.size + initial.items.size,
        "options": options.backbone_options | options.init_options,
        "collapse": collapse,
    }
    return _Fitted(factor_scorer(result.users, result.items), record, result.items, result.earlier_seconds)


def _fit_baseline(
    division: Division, text: TextEmbeddings | None, config: CompareConfig, key: CellKey, reporter: Reporter
) -> _Fitted:
    options = baseline_options(config, key.model)
    values = None if text is None else text.values
    if not config.tune or not len(division.split.valid):
        model = make_baseline(key.model, **options).fit(division.train, values)
        return _Fitted(model.scores, {"options": options, "n_parameters": _n_stored(model)})
    tuned = tune(
        key.model,
        division.train,
        division.valid,
        division.known_before_valid,
        text=values,
        metric=config.valid_metric,
        protocol=config.valid_protocol,
        options=options,
        reporter=reporter,
    )
    tuning = [asdict(trial) for trial in tuned.trials]
    record = {"options": tuned.options, "tuning": tuning, "n_parameters": _n_stored(tuned.fitted)}
    return _Fitted(tuned.fitted.scores, record)


def _n_stored(model: Any) -> int | None:
    """Count the numbers that a fitted baseline keeps, the training interactions aside; None where it does not show."""
    if not is_dataclass(model):
        return None
    kept = [getattr(model, each.name) for each in fields(model) if each.name != "train"]
    return sum(int(array.nnz if issparse(array) else array.size) for array in kept if hasattr(array, "shape"))


def _described(users: FloatArray, items: FloatArray, division: Division, seed: int) -> dict[str, Any]:
    train = division.split.train
    return describe(users, items, train.users, train.items, seed)


def _degrees(division: Division) -> tuple[IntArray, IntArray]:
    """Return how many training interactions each user and each item has."""
    train, dataset = division.split.train, division.dataset
    return np.bincount(train.users, minlength=dataset.n_users), np.bincount(train.items, minlength=dataset.n_items)


def _groups(ranks: RelevantRanks, division: Division, config: CompareConfig) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in grouped_metrics(ranks, ranks.items, *_degrees(division), config.ks, GROUP_METRICS):
        found.setdefault(row.group, {"n": row.n})[f"{row.metric}@{row.k}"] = row.value
    return found


def _beyond(scorer: Scorer, division: Division, data: PreparedData) -> dict[str, dict[str, float]]:
    users, popularity = np.unique(division.split.test.users), _degrees(division)[1]
    space = data.texts.get(data.measures_diversity or "")
    measured = {}
    for protocol, seen in (("standard", division.known_before_test), ("paper", None)):
        items, _ = top_k(scorer, users, LIST_LENGTH, seen)
        text = None if space is None else space.values
        values = beyond_accuracy(items, popularity, len(popularity), text, n_users=division.dataset.n_users)
        measured[protocol] = {f"{name}@{LIST_LENGTH}": value for name, value in values.items()}
    return measured


def _is_drawn(key: CellKey, config: CompareConfig) -> bool:
    # One seed says what a map can say, and a control has nothing to show.
    return key.kind == "backbone" and key.seed == config.first_seed and not key.sparsity


def _map(text: TextEmbeddings, items: FloatArray, popularity: IntArray, titles: pl.Series | None) -> pl.DataFrame:
    """Place the items that have text; columns item, x_text, y_text, x_trained, y_trained, title, popularity."""
    present = np.flatnonzero(~text.missing)
    places = {"text": item_map(text.values[present]), "trained": item_map(items[present])}
    columns: dict[str, Any] = {"item": present.astype(np.int32)}
    for space, place in places.items():
        columns |= {f"x_{space}": place[:, 0], f"y_{space}": place[:, 1]}
    columns["title"] = pl.Series([None] * len(present), dtype=pl.String) if titles is None else titles.gather(present)
    return pl.DataFrame(columns | {"popularity": popularity[present].astype(np.int32)})
