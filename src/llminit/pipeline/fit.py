"""`fit`: tables -> data set -> split -> initial embeddings -> backbone -> recommender."""

import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, split_interactions, to_csr
from llminit.errors import ConfigError
from llminit.evaluation import parse_metric
from llminit.initialization import XAVIER, InitialEmbeddings
from llminit.models import BACKBONES
from llminit.models.serving import DotProduct
from llminit.pipeline.inputs import load_dataset, load_text
from llminit.pipeline.out_folder import OutFolder
from llminit.pipeline.parts import named_parts
from llminit.pipeline.provenance import fit_fingerprint
from llminit.pipeline.training import initial_from, metrics_on_test, train_backbone
from llminit.progress import SILENT, Reporter
from llminit.recommender import Recommender
from llminit.selectors import SELECTORS
from llminit.training import TrainingResult


def fit(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    cache: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "cpu",
    config: FitConfig | None = None,
    reporter: Reporter = SILENT,
    checkpoint_seconds: float = 20.0,
    **options: Any,
) -> Recommender:
    """Fit a recommender whose backbone starts from text embeddings, and measure it on held-out interactions.

    With `out`, the state is kept beside it while training: a killed call, made again, continues to the same result,
    and a finished one returns what it made. A second call with the same `out` at the same time is refused.

    Args:
        interactions: A path (CSV, TSV, Parquet, JSON Lines, RecBole atomic) or a pandas, polars or Arrow table.
        items: The same, for the item table; needed for text unless `embeddings` are given, and for titles.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        out: Folder to save the recommender to.
        overwrite: Replace a recommender that is there already and was made in another way.
        device: A torch device, "cpu" or "cuda".
        config: All options at once, instead of `options`.
        reporter: Receives progress.
        checkpoint_seconds: Least time between two writes of the state, in seconds.
        options: Fields of `FitConfig`, such as `min_rating=4`, `backbone="sgcl"`, `init="variance"`.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        StorageError: `out` cannot be written, or another fit is at work there.
    """
    started = time.perf_counter()
    config = FitConfig.given_or_made(config, named_parts(options))
    _check_names(config)
    folder = None if out is None else OutFolder(Path(out), overwrite=overwrite)
    if folder is not None:
        folder.check()
    with nullcontext() if folder is None else folder.reserved():
        dataset = load_dataset(interactions, items, config)
        text = None
        if config.init != XAVIER:
            text = load_text(
                dataset, embeddings=embeddings, encoder=encoder, template=config.text, cache=cache, reporter=reporter
            )
        fingerprint = fit_fingerprint(config, dataset, text)
        if folder is not None and (finished := folder.finished(fingerprint)) is not None:
            reporter.note(f"{out} was already fitted from the same data with the same options")
            return finished
        held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))
        checkpoint = None if folder is None else folder.checkpoint(fingerprint, checkpoint_seconds)
        initial = initial_from(held_out, text, config)
        result = train_backbone(held_out, initial, config, device=device, checkpoint=checkpoint, reporter=reporter)
        report = _report(held_out, config, initial, result, fingerprint)
        report["seconds"] = time.perf_counter() - started + result.earlier_seconds
        recommender = _recommender(dataset, result, report)
        if folder is not None:
            folder.finish(recommender)
        return recommender


def _check_names(config: FitConfig) -> None:
    """Validate names and options before any work."""
    BACKBONES.entry(config.backbone).options_type.make(**config.backbone_options)
    parse_metric(config.valid_metric)
    if config.init in SELECTORS:
        SELECTORS.entry(config.init).options_type.make(**config.init_options)
    elif config.init != XAVIER:
        raise ConfigError(f"unknown init {config.init!r}; choose {XAVIER}, or a selector: {', '.join(SELECTORS)}")
    elif config.init_options:
        raise ConfigError(f"init={XAVIER!r} takes no options, found {', '.join(config.init_options)}; leave them out")


def _report(
    held_out: HeldOut, config: FitConfig, initial: InitialEmbeddings, result: TrainingResult, fingerprint: str
) -> dict[str, Any]:
    dataset = held_out.dataset
    return {
        "n_users": dataset.n_users,
        "n_items": dataset.n_items,
        "n_interactions": dataset.n_interactions,
        "n_items_without_text": initial.n_items_without_text,
        "n_users_without_history": initial.n_users_without_history,
        "metrics": metrics_on_test(held_out, result.users, result.items),
        "best_epoch": result.best_epoch,
        "history": [asdict(record) for record in result.history],
        "config": config.model_dump(mode="json"),
        "fingerprint": fingerprint,
    }


def _recommender(dataset: Dataset, result: TrainingResult, report: dict[str, Any]) -> Recommender:
    seen = to_csr(dataset.interactions, dataset.n_users, dataset.n_items)
    model = DotProduct(result.users, result.items)
    return Recommender(dataset.users, dataset.items, model, seen, dataset.served_columns(), None, report)
