"""One cell about new items and users: train without them, and measure them as a recommender would serve them."""

import time
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from llminit.comparison.cell import fit_config
from llminit.comparison.cold_grid import LEARN_NOTHING
from llminit.comparison.grid import baseline_options
from llminit.config import CompareConfig, FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.errors import DataError
from llminit.evaluation.dial import LIST_LENGTH, measure_dial
from llminit.models import BASELINES
from llminit.pipeline.cold import cold_interactions, divided_new_users, new_users_report
from llminit.pipeline.cold_split import ColdSplit, split_cold
from llminit.pipeline.cold_ways import TEXT_KNN, WholeModel, by_maps, category_popularity, text_knn
from llminit.pipeline.fold_in import fitted_maps
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.prepared import PreparedData
from llminit.pipeline.provenance import versions
from llminit.progress import SILENT, Reporter
from llminit.results.cold import ColdCell
from llminit.results.key import ColdKey
from llminit.text import TextEmbeddings
from llminit.training import CheckpointFile

_MAX_K = 100
"""Longer lists of new items are not measured."""


def run_cold_cell(
    data: PreparedData,
    config: CompareConfig,
    key: ColdKey,
    fingerprint: str,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> ColdCell:
    """Train or fit a method without the items and users that the key holds out, and measure these.

    Args:
        data: The data set and text embeddings.
        config: The comparison's options.
        key: The cell to run.
        fingerprint: Digest of everything that the cell depends on.
        device: A torch device, "cpu" or "cuda".
        checkpoint: File for the state of a backbone during training.
        reporter: Receives progress.

    Raises:
        InputError: The cell cannot be run: its loss diverged or nothing is left to learn from, for example.
    """
    options = cold_config(config, key)
    split = split_cold(data.dataset, options)
    held_out = HeldOut(split.warm, split_interactions(split.warm, config.splitting, key.seed))
    if not len(held_out.split.test):
        raise DataError("the split holds no test interactions, expected some; use another split or more data")
    text = None if key.encoder is None else data.texts[key.encoder]
    started = time.perf_counter()
    learned, whole, new_users = None, None, None
    if key.model in LEARN_NOTHING:
        whole = _plain(data, key, held_out, split, text)
    else:
        warm = None if text is None else split.warm_text(text)
        learned = learn(held_out, warm, options, device=device, checkpoint=checkpoint, reporter=reporter)
        maps = fitted_maps(learned, held_out, warm, options)
        if len(split.of_users):
            new_users = new_users_report(divided_new_users(split, options), learned.model, maps)
        if text is not None and split.n_cold_items:
            whole = _fitted_with_new(key, learned, held_out, split, text) or by_maps(
                learned, maps, text.values[~split.is_warm], held_out.dataset.n_items
            )
    fitted = time.perf_counter()
    measured = {} if whole is None else _of_items(whole, held_out, split, config)
    return ColdCell(
        key=key,
        fingerprint=fingerprint,
        **measured,
        new_users=new_users,
        options={} if learned is None else learned.options,
        seconds={
            "fit": fitted - started + (0.0 if learned is None else learned.earlier_seconds),
            "evaluate": time.perf_counter() - fitted,
        },
        versions=versions(),
    )


def cold_config(config: CompareConfig, key: ColdKey) -> FitConfig:
    """Return the options with which `fit --cold-share` repeats the cell."""
    held_out = {name: getattr(key, name) for name in ("cold_share", "cold_split", "cold_users")}
    if key.kind != "baseline":
        return fit_config(config, key).model_copy(update=held_out)
    names = FitConfig.model_fields.keys() & CompareConfig.model_fields.keys()
    shared = {name: getattr(config, name) for name in names} | held_out | {"backbone_options": {}, "init_options": {}}
    if key.model in LEARN_NOTHING:
        return FitConfig.make(**shared | {"seed": key.seed})
    options = baseline_options(config, key.model)
    # With every option fixed, there is a single point to tune.
    options = options if config.tune else BASELINES[key.model].make(**options).model_dump()
    return FitConfig.make(**shared | {"backbone": key.model, "backbone_options": options, "seed": key.seed})


def _plain(
    data: PreparedData, key: ColdKey, held_out: HeldOut, split: ColdSplit, text: TextEmbeddings | None
) -> WholeModel:
    if key.model == TEXT_KNN and text is not None:
        return text_knn(held_out, split, text.values)
    if data.categories is None:
        raise DataError("the items have no categories, expected a column of them; compare without this cell")
    return category_popularity(held_out, split, data.categories)


def _fitted_with_new(
    key: ColdKey, learned: Learned, held_out: HeldOut, split: ColdSplit, text: TextEmbeddings
) -> WholeModel | None:
    """Return a baseline fitted once more with the new items, which nobody has; None for one that needs maps."""
    if key.kind != "baseline" or not BASELINES[key.model].places_by_text:
        return None
    train = held_out.train
    nobody = csr_array((train.shape[0], split.n_cold_items), dtype=np.float32)
    wide = csr_array(hstack([train, nobody], format="csr"))
    texts = np.concatenate([text.values[split.is_warm], text.values[~split.is_warm]])
    fitted = BASELINES[key.model].make(**learned.options).fit(wide, texts)
    return WholeModel(fitted.serving(), train.shape[1])


def _of_items(whole: WholeModel, held_out: HeldOut, split: ColdSplit, config: CompareConfig) -> dict[str, Any]:
    cold = cold_interactions(held_out, split)
    measured = measure_dial(
        lambda users: whole.scores(users, held_out.train),
        held_out.test,
        cold,
        held_out.seen_at_test,
        ks=[LIST_LENGTH, *(k for k in config.ks if k <= _MAX_K)],
    )
    counts = {"n_items": split.n_cold_items, "n_interactions": cold.nnz}
    n_users = int((np.diff(cold.indptr) > 0).sum())
    return measured | counts | {"n_users": n_users, "saved": whole.saved}
