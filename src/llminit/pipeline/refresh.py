"""`refresh`: a saved recommender, new interactions and items -> a short training -> the recommender of everything."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, BoolArray, FloatArray
from llminit.checksums import sha256_of
from llminit.config import FitConfig
from llminit.errors import ConfigError
from llminit.models import BASELINES, is_baseline
from llminit.pipeline.continued import Before, continued
from llminit.pipeline.fold_in import refitted_maps, trained_rows
from llminit.pipeline.mixture import MIXTURE, check_mixture
from llminit.progress import SILENT, Reporter
from llminit.recommender import Recommender, TextRecipe
from llminit.recommender.folding import with_folded
from llminit.recommender.in_folder import changing
from llminit.recommender.newcomers import Newcomers, warmed, with_newcomers
from llminit.recommender.saving import marks
from llminit.reporters import automatic_reporter
from llminit.selectors.again import applied_over, fitted_again
from llminit.text import Encoder


def refresh(
    folder: str | Path,
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    open_encoder: Callable[[TextRecipe], Encoder | None] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> tuple[Recommender, dict[str, Any]]:
    """Learn new interactions, users and items into a saved recommender, in a fraction of the time of a fit.

    The folder is replaced as a whole when all is done: a killed call leaves it as it was, and made again, gives what an
    undisturbed one gives.

    Args:
        folder: A saved recommender.
        interactions: New ones, or all of them: those that it knows are left out. A path or a table with the column
            names of the fit.
        items: New items, or all of them; those that it was fitted to keep what was learned of them.
        embeddings: Text embeddings of the new items, by the encoder of the fit.
        open_encoder: Opens the encoder of the fit; None opens it as it was.
        out: Where to write; None replaces `folder`.
        overwrite: Replace what is at `out`.
        device: A torch device, "cpu" or "cuda".
        reporter: Receives progress; by default bars in a terminal or notebook, and elsewhere the logger `llminit`.

    Returns:
        The new recommender, and what was done: "n_interactions", "n_users" and "n_items" that are new,
        "n_items_without_text" of them, "n_known" interactions, and "seconds". Its report's "refreshes" has them all.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        StorageError: The folder cannot be written, or another command is working on it.
    """
    reporter = automatic_reporter(reporter)
    with changing(Path(folder), None if out is None else Path(out), overwrite=overwrite) as target:
        recommender = Recommender.load(folder)
        encoder = None
        if items is not None and embeddings is None and open_encoder is not None and recommender.text is not None:
            encoder = open_encoder(recommender.text)
        changed, record = refreshed(
            recommender, interactions, items, embeddings=embeddings, encoder=encoder, device=device, reporter=reporter
        )
        changed.save(target)
    return changed, record


def refreshed(
    recommender: Recommender,
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Encoder | None = None,
    device: str = "cpu",
    reporter: Reporter = SILENT,
) -> tuple[Recommender, dict[str, Any]]:
    """Return a recommender that has learned new interactions, users and items; see `refresh`.

    Raises:
        ConfigError: The recommender holds nothing to go on from.
        InputError: Something given cannot be used; the message says what to do.
    """
    started = time.perf_counter()
    arrays = {} if recommender.trained is None else recommender.trained.arrays()
    config = _config(recommender.report, arrays)
    grown, came = with_newcomers(
        recommender, interactions, items, embeddings=embeddings, encoder=encoder, reporter=reporter
    )
    if grown.pending is None:
        reporter.note("there is no interaction that is new: nothing was trained")
        return grown, _record(came, time.perf_counter() - started)
    grown, new_texts = warmed(grown)
    grown, before = _before(arrays, grown, config, new_texts)
    learned = continued(before, device=device, reporter=reporter)
    maps = grown.fold_in
    if maps is not None:
        starts = None if before.texts is None or grown.text is None else grown.text.selection.apply(before.texts)
        maps = refitted_maps(maps, learned, before.seen, starts, before.texts)
    model = learned.model
    if grown.folded_texts is not None:
        model = with_folded(model, maps, grown.text, grown.folded_texts, grown.n_warm)
    record = _record(came, time.perf_counter() - started)
    trained = trained_rows(learned.rows, grown.n_warm, before.texts, before.order)
    return replace(
        grown, model=model, fold_in=maps, pending=None, trained=trained, report=_report(grown, record)
    ), record


def _config(report: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> FitConfig:
    """Return the options to learn on with: those of the fit, what validation chose, and the epochs of the fit.

    Raises:
        ConfigError: The recommender holds nothing to go on from.
    """
    config = FitConfig.make(**report["config"]) if "config" in report else None
    if config is None or not _can_go_on(config, arrays):
        made = "that was not fitted here" if config is None else f"of {config.backbone}"
        raise ConfigError(
            f"this recommender {made} holds no rows to go on from, expected one of softmax, history, a baseline or a "
            "mixture of these that this version of llminit has fitted; fit again, to all interactions"
        )
    epochs = (report.get("refit") or {}).get("epochs") or report.get("best_epoch") or 0
    options = config.backbone_options | report.get("options", {})
    return config.model_copy(update={"backbone_options": options, "epochs": epochs})


def _can_go_on(config: FitConfig, arrays: Mapping[str, AnyArray]) -> bool:
    parts = check_mixture(config.backbone_options).parts if config.backbone == MIXTURE else (config.backbone,)
    needs_text = any(is_baseline(name) and BASELINES[name].needs_text for name in parts)
    return (all(map(is_baseline, parts)) or "items" in arrays) and not (needs_text and "texts" not in arrays)


def _before(
    arrays: Mapping[str, AnyArray], grown: Recommender, config: FitConfig, new_texts: FloatArray
) -> tuple[Recommender, Before]:
    """Return the recommender with the selection of today, and what there is to go on from."""
    texts = arrays.get("texts")
    if texts is not None:
        texts = np.concatenate([texts, new_texts]) if len(new_texts) else texts
    seen = grown.seen[:, : grown.n_warm].sorted_indices()
    pending = grown.pending
    is_new = np.zeros(seen.nnz, dtype=np.bool_) if pending is None else marks(seen, pending[:, : grown.n_warm])
    seed = config.seed + 1 + len(grown.report.get("refreshes", []))
    order = _order(seen, is_new, arrays.get("order"))
    before = Before(config, seen, is_new, arrays.get("users"), arrays.get("items"), None, texts, seed, order)
    recipe = grown.text
    if texts is None or recipe is None:
        return grown, before
    n_known, named = texts.shape[0] - len(new_texts), (recipe.selector, recipe.selector_options)
    then = applied_over(recipe.selection, *named, texts[:n_known], before.seen_before[:, :n_known])
    selection = fitted_again(recipe.selection, *named, texts, seen)
    now = applied_over(selection, *named, texts, seen)
    return replace(grown, text=replace(recipe, selection=selection)), replace(before, starts=(then, now))


def _order(seen: csr_array, is_new: BoolArray, known: AnyArray | None) -> csr_array | None:
    """Return the place of each interaction among those of its user: what is new comes after what was known.

    Args:
        seen: Shape (n_users, n_items), with ascending item codes in every row.
        is_new: bool of shape (nnz,), which entries are new.
        known: int32, the places of the others, in the order of the entries; None where they are not known.
    """
    if known is None or len(known) != len(is_new) - is_new.sum():
        return None
    users = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    before = np.zeros(seen.nnz, dtype=np.int64)
    before[~is_new] = known
    # Of a user, the known ones in their order, then the new ones in that of the items' codes.
    in_time = np.lexsort((before, is_new, users))
    places = np.empty(seen.nnz, dtype=np.int32)
    places[in_time] = np.arange(1, seen.nnz + 1) - seen.indptr[users]
    return csr_array((places, seen.indices, seen.indptr), shape=seen.shape)


def _record(came: Newcomers, seconds: float) -> dict[str, Any]:
    return {
        "n_interactions": came.interactions.n_interactions,
        "n_known": came.interactions.n_known,
        "n_users": came.interactions.n_users,
        "n_items": came.n_items,
        "n_items_without_text": came.n_items_without_text,
        "seconds": seconds,
    }


def _report(grown: Recommender, record: dict[str, Any]) -> dict[str, Any]:
    report, seen = grown.report, grown.seen
    arrays = (seen.indptr.astype(np.int64), seen.indices.astype(np.int64))
    return report | {
        "n_users": len(grown.users),
        "n_items": len(grown.items),
        "n_interactions": int(seen.nnz),
        "refreshes": [*report.get("refreshes", []), record],
        # No fit with the same data and options made this one.
        "fingerprint": sha256_of(report.get("fingerprint", ""), *arrays),
    }
