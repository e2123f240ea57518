"""`fit`: tables -> data set -> split -> initial embeddings -> model, measured -> the model of everything, saved."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scipy.sparse import csr_array

from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, split_interactions, to_csr
from llminit.distributed.ranks import Ranks
from llminit.models import is_baseline
from llminit.pipeline.checks import check_cold_items, check_names, learns_from_order, needs_text
from llminit.pipeline.cold import newcomers_report
from llminit.pipeline.cold_split import ColdSplit, split_cold
from llminit.pipeline.fold_in import fitted_maps, refitted_maps, trained_rows
from llminit.pipeline.inputs import TextSource, load_dataset, note_unused_text, text_source
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.out_folder import OutFolder
from llminit.pipeline.over_ranks import check_over_ranks
from llminit.pipeline.parts import named_parts
from llminit.pipeline.presets import fitted_to_data, with_preset
from llminit.pipeline.provenance import (
    data_fingerprint,
    fit_fingerprint,
    text_fingerprint,
    training_fingerprint,
)
from llminit.pipeline.refit import everything, refit_config
from llminit.pipeline.yardsticks import measured, measured_yardsticks, verdict
from llminit.progress import Reporter
from llminit.recommender import FoldIn, Recommender
from llminit.recommender.text_recipe import TextRecipe
from llminit.reporters import automatic_reporter
from llminit.text import HERE, Engine, TextEmbeddings
from llminit.training import CheckpointFile


def fit(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    cache: str | Path | None = None,
    engine: Engine | str = HERE,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "cpu",
    config: FitConfig | None = None,
    reporter: Reporter | None = None,
    checkpoint_seconds: float = 20.0,
    ranks: Ranks | None = None,
    **options: Any,
) -> Recommender:
    """Measure a model on held-out interactions, and fit a recommender of the same kind to all of them.

    The recommender's report has the measurements, beside those of simple models, and says what was saved: with
    `refit=False` the measured model itself. With `out`, the state is kept beside it while training: a killed call, made
    again, continues to the same result, with other `epochs` and `patience` too where these allow it, and a finished one
    returns what it made. A state that cannot be continued is kept under another name. A second call with the same `out`
    at the same time is refused.

    Args:
        interactions: A path (CSV, TSV, Parquet, JSON Lines, RecBole atomic) or a pandas, polars or Arrow table.
        items: The same, for the item table; needed for text unless `embeddings` are given, and for titles.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        engine: What encodes: an `Engine`, or the name of one: local, ray.
        out: Folder to save the recommender to.
        overwrite: Replace a recommender that is there already and was made in another way.
        device: A torch device, "cpu" or "cuda".
        config: All options at once, instead of `options`.
        reporter: Receives progress; by default bars in a terminal or notebook, and elsewhere the logger `llminit`.
        checkpoint_seconds: Least time between two writes of the state, in seconds.
        ranks: The processes that train together, of which this is the first; `fit_over_ranks` makes them.
        options: Fields of `FitConfig`, such as `min_rating=4`, `backbone="sgcl"`, `init="variance"`.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        StorageError: `out` cannot be written, or another fit is running there.
    """
    started = time.perf_counter()
    reporter = automatic_reporter(reporter)
    asked = FitConfig.from_options(config, named_parts(options))
    config = with_preset(asked)
    check_names(config)
    check_over_ranks(config, ranks)
    check_cold_items(config)
    folder = None if out is None else OutFolder(Path(out), overwrite=overwrite)
    if folder is not None:
        folder.check()
    with nullcontext() if folder is None else folder.reserved():
        dataset = load_dataset(interactions, items, config, reporter)
        split = split_cold(dataset, config)
        held_out = HeldOut(split.warm, split_interactions(split.warm, config.splitting, config.seed))
        text = _text_source(dataset, config, embeddings, encoder, cache, engine, reporter)
        config = fitted_to_data(asked, config, split.warm, None if text is None else split.warm_text(text.embeddings))
        _note_order(config, dataset, reporter)
        fingerprint = fit_fingerprint(config, dataset, None if text is None else text.embeddings)
        if folder is not None and (finished := folder.finished(fingerprint)) is not None:
            reporter.note(f"{out} was already fitted from the same data with the same options")
            return finished
        where = _Where(device, folder, checkpoint_seconds, ranks)
        run = _Run(dataset, split, held_out, text, config, fingerprint, where, reporter)
        recommender = run.recommender(started)
        if folder is not None:
            folder.finish(recommender)
        return recommender


@dataclass(frozen=True, eq=False)
class _Where:
    """Where a call trains and keeps its state."""

    device: str
    folder: OutFolder | None
    checkpoint_seconds: float
    ranks: Ranks | None


@dataclass(frozen=True, eq=False)
class _Run:
    """What both phases of one call share."""

    dataset: Dataset
    split: ColdSplit
    held_out: HeldOut
    text: TextSource | None
    config: FitConfig
    fingerprint: str
    where: _Where
    reporter: Reporter

    def recommender(self, started: float) -> Recommender:
        """Measure, refit, and return what is to be saved."""
        checkpoints: tuple[CheckpointFile | None, CheckpointFile | None] = (None, None)
        if self.where.folder is not None:
            text = None if self.text is None else self.text.embeddings
            fingerprint = training_fingerprint(self.config, self.dataset, text)
            checkpoints = self.where.folder.checkpoints(fingerprint, self.where.checkpoint_seconds)
        held_out = self.held_out
        model = self._learn(held_out, self.config, checkpoints[0])
        report = self._report(held_out, model)
        maps = fitted_maps(model, held_out, self._text_of(held_out), self.config)
        report |= self._of_newcomers(model, maps)
        earlier = model.earlier_seconds
        if self.config.refit and (len(held_out.split.valid) or len(held_out.split.test)):
            self.reporter.note("fitting once more, to all interactions")
            final = refit_config(self.config, model, held_out, self.dataset.n_interactions)
            held_out = everything(self.dataset)
            model = self._learn(held_out, final, checkpoints[1])
            earlier += model.earlier_seconds
            maps = self._maps_again(maps, model, held_out)
            report["refit"] = {
                "n_interactions": self.dataset.n_interactions,
                "epochs": None if model.best_epoch is None else final.epochs,
                "seconds": model.seconds,
            }
        report["seconds"] = time.perf_counter() - started + earlier
        return self._recommender(model, maps, held_out, report)

    def _learn(self, held_out: HeldOut, config: FitConfig, checkpoint: CheckpointFile | None) -> Learned:
        text, where = self._text_of(held_out), self.where
        return learn(
            held_out,
            text,
            config,
            device=where.device,
            checkpoint=checkpoint,
            reporter=self.reporter,
            ranks=where.ranks,
        )

    def _text_of(self, held_out: HeldOut) -> TextEmbeddings | None:
        if self.text is None or held_out.dataset is self.dataset:
            return None if self.text is None else self.text.embeddings
        return self.split.warm_text(self.text.embeddings)

    def _maps_again(self, maps: FoldIn, model: Learned, held_out: HeldOut) -> FoldIn:
        """Return the maps that were chosen, fitted to another model."""
        text = self._text_of(held_out)
        if text is None or model.selection is None:
            return refitted_maps(maps, model, held_out.train, None, None)
        return refitted_maps(maps, model, held_out.train, model.selection.apply(text.values), text.values)

    def _of_newcomers(self, model: Learned, maps: FoldIn) -> dict[str, Any]:
        """Return what was measured of items and users that training has not seen."""
        texts = None if self.text is None else self.text.embeddings.values
        recipe = self._text_recipe(model)
        return newcomers_report(self.held_out, self.split, model.model, maps, recipe, texts, self.config, self.reporter)

    def _report(self, held_out: HeldOut, model: Learned) -> dict[str, Any]:
        dataset, config = self.dataset, self.config
        _note_training(model, held_out, config, self.reporter)
        report: dict[str, Any] = {
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": dataset.n_interactions,
            "n_items_without_text": model.n_items_without_text,
            "n_users_without_history": model.n_users_without_history,
            "metrics": {},
            "baselines": {},
            "verdict": "No test interactions were held out, so nothing was measured.",
            "best_epoch": model.best_epoch,
            "history": model.history,
            "options": model.options,
            "seconds_training": model.seconds,
            "refit": None,
            **({} if model.distilled is None else {"distilled": model.distilled}),
            **_of_ranks(self.where.ranks),
            "config": config.model_dump(mode="json"),
            "fingerprint": self.fingerprint,
            "data_fingerprint": data_fingerprint(dataset),
        }
        if len(held_out.split.test):
            result, others = measured(model.scorer, held_out), measured_yardsticks(held_out, config, self.reporter)
            report["metrics"] = dict(result.metrics)
            report["baselines"] = {
                name: {"metrics": dict(other.metrics), "options": other.options, "seconds": other.seconds}
                for name, other in others.items()
            }
            report["verdict"] = verdict(result, others)
        return report

    def _recommender(self, saved: Learned, maps: FoldIn, fitted_to: HeldOut, report: dict[str, Any]) -> Recommender:
        dataset = fitted_to.dataset
        if dataset is not self.dataset:
            self.reporter.note("what is saved has never seen the items and users that were held out")
        seen = to_csr(dataset.interactions, dataset.n_users, dataset.n_items)
        columns, recipe = dataset.served_columns(), self._text_recipe(saved)
        recommender = Recommender(dataset.users, dataset.items, saved.model, seen, columns, recipe, report, maps)
        text = self._text_of(fitted_to)
        order = fitted_to.train_order if learns_from_order(self.config) else None
        trained = trained_rows(saved.rows, dataset.n_items, None if text is None else text.values, order)
        return replace(recommender, trained=trained, pending=_pending(fitted_to))

    def _text_recipe(self, saved: Learned) -> TextRecipe | None:
        if self.text is None or saved.selection is None:
            return None
        return TextRecipe(
            self.config.init,
            self.config.init_options,
            saved.selection,
            self.text.encoder,
            self.text.encoder_options,
            self.text.identity,
            self.text.template,
            text_fingerprint(self.text.embeddings),
        )


def _of_ranks(ranks: Ranks | None) -> dict[str, Any]:
    return {} if ranks is None else {"ranks": {"number": ranks.group.size, "negatives": ranks.negatives}}


def _pending(fitted_to: HeldOut) -> csr_array | None:
    """Return what the saved model has not learned: what was held out, where it was not fitted once more."""
    held_back = csr_array(fitted_to.valid + fitted_to.test)
    return held_back if held_back.nnz else None


def _text_source(
    dataset: Dataset,
    config: FitConfig,
    embeddings: Any,
    encoder: Any,
    cache: str | Path | None,
    engine: Engine | str,
    reporter: Reporter,
) -> TextSource | None:
    """Read or encode the items' texts where they are needed, and say what of the text plays no part."""
    text = None
    if needs_text(config):
        text = text_source(
            dataset,
            embeddings=embeddings,
            encoder=encoder,
            template=config.text,
            cache=cache,
            engine=engine,
            reporter=reporter,
        )
    _note_unused(config, embeddings, encoder, reporter)
    return text


def _note_unused(config: FitConfig, embeddings: Any, encoder: Any, reporter: Reporter) -> None:
    """Say which of the things that were given play no part; a template may stand in a file that serves several fits."""
    named = [name for name, value in (("embeddings", embeddings), ("encoder", encoder)) if value is not None]
    if named and not needs_text(config):
        start = config.backbone if is_baseline(config.backbone) else f"init={config.init}"
        reporter.note(f"{start} uses no text: {' and '.join(named)} was given and plays no part")
    else:
        note_unused_text(embeddings, encoder, config.text, reporter)


def _note_order(config: FitConfig, dataset: Dataset, reporter: Reporter) -> None:
    if learns_from_order(config) and dataset.interactions.timestamps is None:
        reporter.note(f"the interactions have no timestamps: {config.backbone} learns without their order")


def _note_training(model: Learned, held_out: HeldOut, config: FitConfig, reporter: Reporter) -> None:
    """Say what is worth knowing of how training ended."""
    if model.best_epoch is None:
        return
    if not len(held_out.split.valid):
        reporter.note("there were no validation interactions: training ran all its epochs")
    elif model.best_epoch == config.epochs > 0:
        reporter.note(
            f"training ended after all of its {config.epochs} epochs while {config.valid_metric} was still rising; "
            "with more epochs the model may get better"
        )
