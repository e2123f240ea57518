"""From a configuration to a model: a backbone trained from initial embeddings, or a baseline fitted to the data."""

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from llminit.config import FitConfig
from llminit.data import HeldOut
from llminit.distributed.ranks import Ranks
from llminit.evaluation import factor_scorer
from llminit.initialization import InitialEmbeddings
from llminit.models import BACKBONES, BASELINES, is_baseline
from llminit.models.baseline import FittedBaseline
from llminit.models.hops import HopBackbone
from llminit.models.serving import DotProduct
from llminit.models.text_rows import centre_of
from llminit.pipeline.grid_search import order_for, tune
from llminit.pipeline.learned import Learned
from llminit.pipeline.mixture import MIXTURE, learn_mixture
from llminit.pipeline.training import initial_from, train_backbone
from llminit.pipeline.validation import validation_users
from llminit.progress import SILENT, Reporter
from llminit.selectors import Selection
from llminit.text import TextEmbeddings
from llminit.training import AfterEpoch, CheckpointFile

MakeInitial = Callable[[HeldOut, TextEmbeddings | None, FitConfig], InitialEmbeddings]


def learn(
    held_out: HeldOut,
    text: TextEmbeddings | None,
    config: FitConfig,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
    after_epoch: AfterEpoch | None = None,
    make_initial: MakeInitial = initial_from,
    ranks: Ranks | None = None,
) -> Learned:
    """Learn a model from the training interactions; the validation interactions choose what there is to choose.

    Args:
        held_out: The data.
        text: Text embeddings, one row an item; None where neither the start nor the baseline needs them.
        config: The options.
        device: A torch device.
        checkpoint: Where a backbone's state is kept.
        reporter: Receives progress.
        after_epoch: Hears of every epoch of a backbone; what it raises ends the training.
        make_initial: Makes the initial embeddings; for callers that keep those of other calls.
        ranks: The processes that train a backbone together; None trains in this one.

    Raises:
        ConfigError: The loss is no longer finite, or the device does not exist.
        InputError: The baseline cannot be fitted to these data.
        StorageError: The checkpoint cannot be written.
    """
    how: dict[str, Any] = {"device": device, "checkpoint": checkpoint, "reporter": reporter, "after_epoch": after_epoch}
    how["ranks"] = ranks
    if config.backbone == MIXTURE:
        learn_part = partial(learn, held_out, text, make_initial=make_initial, **how)
        return learn_mixture(held_out, config, learn_part, reporter)
    if is_baseline(config.backbone):
        return _fitted(held_out, text, config, reporter)
    initial = make_initial(held_out, text, config)
    started = time.perf_counter()
    result = train_backbone(held_out, initial, config, **how)
    return Learned(
        DotProduct(result.users, result.items),
        factor_scorer(result.users, result.items),
        result.options,
        best_epoch=result.best_epoch,
        history=[asdict(record) for record in result.history],
        selection=initial.selection,
        rows=result.rows if issubclass(BACKBONES[config.backbone], HopBackbone) else None,
        users_from=(result.history_rows,),
        n_items_without_text=initial.n_items_without_text,
        n_users_without_history=initial.n_users_without_history,
        seconds=time.perf_counter() - started + result.earlier_seconds,
        earlier_seconds=result.earlier_seconds,
    )


def fit_baseline(
    name: str,
    held_out: HeldOut,
    text: TextEmbeddings | None,
    config: FitConfig,
    options: dict[str, Any],
    reporter: Reporter = SILENT,
) -> tuple[FittedBaseline, dict[str, Any]]:
    """Fit a baseline, its options chosen on the validation interactions where there are any.

    Args:
        name: A registered baseline.
        held_out: The data.
        text: Text embeddings, one row an item; needed where the baseline needs text.
        config: How validation measures.
        options: Options with a fixed value.
        reporter: Receives progress.

    Returns:
        The fitted baseline and its options.
    """
    rows = None if text is None else text.values
    if not len(held_out.split.valid):
        return BASELINES[name].make(**options).fit(held_out.train, rows, order_for(name, held_out)), options
    tuned = tune(
        name,
        held_out.train,
        held_out.valid,
        held_out.seen_at_valid,
        text=rows,
        order=order_for(name, held_out),
        metric=config.valid_metric,
        protocol=config.valid_protocol,
        options=options,
        users=validation_users(held_out, config),
        reporter=reporter,
    )
    return tuned.fitted, tuned.options


def _fitted(held_out: HeldOut, text: TextEmbeddings | None, config: FitConfig, reporter: Reporter) -> Learned:
    started = time.perf_counter()
    fitted, options = fit_baseline(config.backbone, held_out, text, config, config.backbone_options, reporter)
    seconds = time.perf_counter() - started
    n_without = 0 if text is None else int(text.missing.sum())
    return Learned(
        fitted.serving(),
        fitted.scores,
        options,
        selection=None if text is None else _as_baselines_see(text),
        cold=(getattr(fitted, "cold", None),),
        n_items_without_text=n_without,
        seconds=seconds,
    )


def _as_baselines_see(text: TextEmbeddings) -> Selection:
    """Return the map from text embeddings to what baselines make of them: centred rows of length 1."""
    return Selection(before=(Selection(centre=centre_of(text.values)),), unit=True)
