"""One cell: train a backbone or fit a baseline, rank the test interactions and compute the metrics."""

import time
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import issparse

from llminit.analysis import describe, item_map
from llminit.arrays import FloatArray, IntArray
from llminit.comparison.controls import controlled
from llminit.comparison.grid import backbone_options, baseline_options, selector_options
from llminit.comparison.peak_memory import peak_memory, reset_peak_memory
from llminit.comparison.sparsity import thinned
from llminit.config import TEXT_FREE, CompareConfig, FitConfig
from llminit.data import Dataset, HeldOut, split_interactions
from llminit.errors import DataError
from llminit.evaluation import (
    METRICS,
    RelevantRanks,
    Scorer,
    factor_scorer,
    grouped_metrics,
    mean_metrics,
    measure_lists,
    ranks_by_protocol,
    top_k,
)
from llminit.models import BASELINES
from llminit.pipeline.grid_search import order_for, tune
from llminit.pipeline.prepared import PreparedData
from llminit.pipeline.provenance import versions
from llminit.pipeline.training import initial_from, train_backbone
from llminit.progress import SILENT, Reporter
from llminit.results import Cell, CellKey
from llminit.results.ranks import to_column
from llminit.text import TextEmbeddings
from llminit.training import CheckpointFile

GROUP_METRICS = ("recall", "ndcg")
COLD_OPTIONS = ("cold_share", "cold_split", "cold_users")
"""Options that are those of other cells; see `llminit.comparison.cold_cell`."""
LIST_LENGTH = 10
"""Length of the lists that are measured beyond accuracy."""


@dataclass(frozen=True)
class Measured:
    """A finished cell and the tables that are written with it.

    Attributes:
        cell: The record.
        ranks: One UInt16 column a protocol, one row a test interaction.
        split: The test interactions.
        map: Coordinates of the items in the text space and after training; None for a cell whose map is not drawn.
    """

    cell: Cell
    ranks: pl.DataFrame
    split: pl.DataFrame
    map: pl.DataFrame | None = None


@dataclass(frozen=True)
class _Fitted:
    """The result of training a backbone or fitting a baseline."""

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
    """Train or fit the method that the key names and evaluate it on the test interactions.

    Args:
        data: The data set and text embeddings.
        config: The comparison's options.
        key: The cell to run.
        fingerprint: Digest of everything that the cell depends on.
        device: A torch device, "cpu" or "cuda".
        checkpoint: File for the state of a backbone during training.
        reporter: Receives progress.

    Raises:
        InputError: The cell cannot be run: its loss diverged or the split has no test interactions, for example.
    """
    reset_peak_memory(device)
    held_out = held_out_of(data.dataset, config, key)
    if not len(held_out.split.test):
        raise DataError("the split holds no test interactions, expected some; use another split or more data")
    text = None if key.encoder is None else data.texts[key.encoder]
    started = time.perf_counter()
    if key.kind == "baseline":
        fitted = _fit_baseline(held_out, text, config, key, reporter)
    else:
        fitted = _train(held_out, text, config, key, device, checkpoint, reporter)
    trained = time.perf_counter()
    by_protocol = ranks_by_protocol(fitted.scorer, held_out.test, held_out.seen_at_test)
    record = fitted.record | {
        "metrics": {name: mean_metrics(ranks, config.ks, tuple(METRICS)) for name, ranks in by_protocol.items()},
        "groups": {name: _groups(ranks, held_out, config) for name, ranks in by_protocol.items()},
        "beyond": _beyond_accuracy(fitted.scorer, held_out, data),
        "seconds": {"fit": trained - started + fitted.earlier_seconds, "evaluate": time.perf_counter() - trained},
        "peak_memory_bytes": peak_memory(device),
    }
    cell = Cell(key=key, fingerprint=fingerprint, split=key.split_name, versions=versions(), **record)
    columns = pl.DataFrame({name: to_column(ranks) for name, ranks in by_protocol.items()})
    item_coordinates = None
    if text is not None and fitted.items is not None and _is_drawn(key, config):
        item_coordinates = _map(text, fitted.items, _degrees(held_out)[1], data.titles)
    return Measured(cell, columns, split_rows(held_out), item_coordinates)


def held_out_of(dataset: Dataset, config: CompareConfig, key: CellKey) -> HeldOut:
    """Return the split data of a cell, with as much training data as its key says.

    Args:
        dataset: The filtered interactions.
        config: The comparison's options.
        key: The cell; all cells with its seed and sparsity have the same split.

    Raises:
        DataError: The data cannot be split with these options.
    """
    split = split_interactions(dataset, config.splitting, key.seed)
    return thinned(dataset, split, key.train_share, key.max_history, key.seed)


def split_rows(held_out: HeldOut) -> pl.DataFrame:
    """Return the test interactions as a results folder keeps them: user, user_degree, item_popularity.

    Sorted by user, then item; the item itself is not kept.
    """
    test, (degrees, popularity) = held_out.split.test, _degrees(held_out)
    columns = {
        "user": test.users,
        "item": test.items,
        "user_degree": degrees[test.users],
        "item_popularity": popularity[test.items],
    }
    return pl.DataFrame(columns).sort("user", "item").drop("item")


def fit_config(config: CompareConfig, key: CellKey) -> FitConfig:
    """Return the options with which `fit` repeats the cell of a backbone, apart from its control."""
    names = (FitConfig.model_fields.keys() & CompareConfig.model_fields.keys()) - set(COLD_OPTIONS)
    shared = {name: getattr(config, name) for name in names}
    selector = str(key.selector)
    chosen = {
        "backbone": key.model,
        "backbone_options": backbone_options(config, key.model),
        "init": selector,
        "init_options": {} if selector in TEXT_FREE else selector_options(config, selector),
        "embedding_size": key.embedding_size,
        "seed": key.seed,
    }
    chosen |= {"epochs": 0} if key.control == "untrained" else {}
    return FitConfig.make(**shared | chosen)


def _train(
    held_out: HeldOut,
    text: TextEmbeddings | None,
    config: CompareConfig,
    key: CellKey,
    device: str,
    checkpoint: CheckpointFile | None,
    reporter: Reporter,
) -> _Fitted:
    options = fit_config(config, key)
    initial = controlled(initial_from(held_out, text, options), key.control, held_out.train, key.seed)
    result = train_backbone(held_out, initial, options, device=device, checkpoint=checkpoint, reporter=reporter)
    collapse = {
        "initial": _described(initial.users, initial.items, held_out, key.seed),
        "final": _described(result.users, result.items, held_out, key.seed),
    }
    record = {
        "best_epoch": result.best_epoch,
        "history": [asdict(epoch) for epoch in result.history],
        "n_parameters": result.n_parameters,
        "options": options.backbone_options | options.init_options | result.options,
        "collapse": collapse,
    }
    return _Fitted(factor_scorer(result.users, result.items), record, result.items, result.earlier_seconds)


def _fit_baseline(
    held_out: HeldOut, text: TextEmbeddings | None, config: CompareConfig, key: CellKey, reporter: Reporter
) -> _Fitted:
    options = baseline_options(config, key.model)
    values = None if text is None else text.values
    if not config.tune or not len(held_out.split.valid):
        model = BASELINES[key.model].make(**options).fit(held_out.train, values, order_for(key.model, held_out))
        return _Fitted(model.scores, {"options": options, "n_parameters": _n_stored(model)})
    tuned = tune(
        key.model,
        held_out.train,
        held_out.valid,
        held_out.seen_at_valid,
        text=values,
        order=order_for(key.model, held_out),
        metric=config.valid_metric,
        protocol=config.valid_protocol,
        options=options,
        reporter=reporter,
    )
    tuning = [asdict(trial) for trial in tuned.trials]
    record = {"options": tuned.options, "tuning": tuning, "n_parameters": _n_stored(tuned.fitted)}
    return _Fitted(tuned.fitted.scores, record)


def _n_stored(model: Any) -> int | None:
    """Count the numbers that a fitted baseline stores, except the training interactions; None if unknown."""
    if not is_dataclass(model):
        return None
    stored = [getattr(model, field.name) for field in fields(model) if field.name != "train"]
    return sum(int(array.nnz if issparse(array) else array.size) for array in stored if hasattr(array, "shape"))


def _described(users: FloatArray, items: FloatArray, held_out: HeldOut, seed: int) -> dict[str, Any]:
    train = held_out.split.train
    return describe(users, items, train.users, train.items, seed)


def _degrees(held_out: HeldOut) -> tuple[IntArray, IntArray]:
    """Return how many training interactions each user and each item has."""
    train, dataset = held_out.split.train, held_out.dataset
    return np.bincount(train.users, minlength=dataset.n_users), np.bincount(train.items, minlength=dataset.n_items)


def _groups(ranks: RelevantRanks, held_out: HeldOut, config: CompareConfig) -> dict[str, dict[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    for row in grouped_metrics(ranks, ranks.items, *_degrees(held_out), config.ks, GROUP_METRICS):
        groups.setdefault(row.group, {"n": row.n})[f"{row.metric}@{row.k}"] = row.value
    return groups


def _beyond_accuracy(scorer: Scorer, held_out: HeldOut, data: PreparedData) -> dict[str, dict[str, float]]:
    users, popularity = np.unique(held_out.split.test.users), _degrees(held_out)[1]
    space = data.texts.get(data.measures_diversity or "")
    measured = {}
    for protocol, seen in (("standard", held_out.seen_at_test), ("paper", None)):
        items, _ = top_k(scorer, users, LIST_LENGTH, seen)
        text = None if space is None else space.values
        values = measure_lists(items, popularity, len(popularity), text, n_users=held_out.dataset.n_users)
        measured[protocol] = {f"{name}@{LIST_LENGTH}": value for name, value in values.items()}
    return measured


def _is_drawn(key: CellKey, config: CompareConfig) -> bool:
    # The map of one seed is enough, and a control has no map worth drawing.
    return key.kind == "backbone" and key.seed == config.first_seed and not key.sparsity


def _map(text: TextEmbeddings, items: FloatArray, popularity: IntArray, titles: pl.Series | None) -> pl.DataFrame:
    """Map the items that have text; columns item, x_text, y_text, x_trained, y_trained, title, popularity."""
    present = np.flatnonzero(~text.missing)
    spaces = {"text": item_map(text.values[present]), "trained": item_map(items[present])}
    columns: dict[str, Any] = {"item": present.astype(np.int32)}
    for space, coordinates in spaces.items():
        columns |= {f"x_{space}": coordinates[:, 0], f"y_{space}": coordinates[:, 1]}
    columns["title"] = pl.Series([None] * len(present), dtype=pl.String) if titles is None else titles.gather(present)
    return pl.DataFrame(columns | {"popularity": popularity[present].astype(np.int32)})
