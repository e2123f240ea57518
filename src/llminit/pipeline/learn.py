"""From a configuration to a model: a backbone trained from initial embeddings, or a baseline fitted to the data."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from llminit.config import FitConfig
from llminit.data import HeldOut
from llminit.evaluation import Scorer, factor_scorer
from llminit.models import BASELINES, is_baseline
from llminit.models.baseline import FittedBaseline
from llminit.models.serving import DotProduct, ServingModel
from llminit.pipeline.grid_search import tune
from llminit.pipeline.training import initial_from, train_backbone
from llminit.progress import SILENT, Reporter
from llminit.selectors import Selection
from llminit.text import TextEmbeddings
from llminit.training import CheckpointFile


@dataclass(frozen=True, eq=False)
class Learned:
    """A model and how it came about.

    Attributes:
        model: What is saved and serves.
        scorer: What is measured.
        options: The options that validation chose.
        best_epoch: The epoch that validation chose; None for a baseline.
        history: One record an epoch.
        selection: The fitted selection; None without text.
        n_items_without_text: Items that started from the mean embedding.
        n_users_without_history: Users that started from the mean embedding.
        seconds: How long training or fitting took, in all its resumed parts.
        earlier_seconds: The share of them that killed calls took.
    """

    model: ServingModel
    scorer: Scorer
    options: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    selection: Selection | None = None
    n_items_without_text: int = 0
    n_users_without_history: int = 0
    seconds: float = 0.0
    earlier_seconds: float = 0.0


def learn(
    held_out: HeldOut,
    text: TextEmbeddings | None,
    config: FitConfig,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> Learned:
    """Learn a model from the training interactions; the validation interactions choose what there is to choose.

    Args:
        held_out: The data.
        text: Text embeddings, one row an item; None where neither the start nor the baseline needs them.
        config: The options.
        device: A torch device.
        checkpoint: Where a backbone's state is kept.
        reporter: Receives progress.

    Raises:
        ConfigError: The loss is no longer finite, or the device does not exist.
        InputError: The baseline cannot be fitted to these data.
        StorageError: The checkpoint cannot be written.
    """
    if is_baseline(config.backbone):
        return _fitted(held_out, text, config, reporter)
    initial = initial_from(held_out, text, config)
    started = time.perf_counter()
    result = train_backbone(held_out, initial, config, device=device, checkpoint=checkpoint, reporter=reporter)
    return Learned(
        DotProduct(result.users, result.items),
        factor_scorer(result.users, result.items),
        result.options,
        best_epoch=result.best_epoch,
        history=[asdict(record) for record in result.history],
        selection=initial.selection,
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
        return BASELINES[name].make(**options).fit(held_out.train, rows), options
    tuned = tune(
        name,
        held_out.train,
        held_out.valid,
        held_out.seen_at_valid,
        text=rows,
        metric=config.valid_metric,
        protocol=config.valid_protocol,
        options=options,
        reporter=reporter,
    )
    return tuned.fitted, tuned.options


def _fitted(held_out: HeldOut, text: TextEmbeddings | None, config: FitConfig, reporter: Reporter) -> Learned:
    started = time.perf_counter()
    fitted, options = fit_baseline(config.backbone, held_out, text, config, config.backbone_options, reporter)
    seconds = time.perf_counter() - started
    n_without = 0 if text is None else int(text.missing.sum())
    return Learned(fitted.serving(), fitted.scores, options, n_items_without_text=n_without, seconds=seconds)
