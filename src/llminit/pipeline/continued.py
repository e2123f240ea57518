"""Learning on from a saved state: what is new as often as the old was, with as much of the old beside it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from llminit.arrays import BoolArray, FloatArray
from llminit.config import FitConfig
from llminit.evaluation import factor_scorer
from llminit.graph import normalized_adjacency
from llminit.initialization import user_means
from llminit.models import BACKBONES, BASELINES, is_baseline
from llminit.models.distillation import N_PASSES, distilled
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct
from llminit.pipeline.learned import Learned
from llminit.pipeline.mixture import MIXTURE, check_mixture, mixed_scorer
from llminit.progress import Reporter
from llminit.training import ReplaySampler, train


@dataclass(frozen=True, eq=False)
class Before:
    """What there is to go on from, and what has come.

    Attributes:
        config: The options of the fit, with what validation chose and the epochs that each interaction was learned for.
        seen: All interactions, old and new, ones: float32 CSR of shape (n_users, n_items).
        is_new: bool of shape (nnz,), which entries of `seen` are new.
        users: The trained rows of the first users; None where the backbone has no user table.
        items: The trained rows of the first items; None where there is no backbone.
        starts: Where a fit would start from, before what is new came, float32 of shape (n_known, d) of the items with
            trained rows, and with it, float32 of shape (n_items, d); None without text.
        texts: float32 of shape (n_items, D), the items' text embeddings, zeros without text; None where unknown.
        seed: Of the order of the interactions.
        order: The place of each entry of `seen` among those of its user, in time; None where it is not known.
    """

    config: FitConfig
    seen: sp.csr_array
    is_new: BoolArray
    users: FloatArray | None
    items: FloatArray | None
    starts: tuple[FloatArray, FloatArray] | None
    texts: FloatArray | None
    seed: int
    order: sp.csr_array | None = None

    @property
    def seen_before(self) -> sp.csr_array:
        """The interactions that are not new."""
        old = sp.csr_array((np.where(self.is_new, 0, self.seen.data), self.seen.indices, self.seen.indptr), copy=True)
        old.resize(self.seen.shape)
        old.eliminate_zeros()
        return old


def continued(before: Before, *, device: str, reporter: Reporter) -> Learned:
    """Learn on: a backbone from its rows, a baseline anew with its options, a mixture part by part with its weights.

    Raises:
        ConfigError: The loss is no longer finite, or the device does not exist.
        InputError: A baseline cannot be fitted to these data.
    """
    config = before.config
    if config.backbone != MIXTURE:
        return _part(before, config.backbone, config.backbone_options, device, reporter)
    options = check_mixture(config.backbone_options)
    parts = [_part(before, name, options.part_options.get(name, {}), device, reporter) for name in options.parts]
    trained = next((part for part in parts if part.rows is not None), parts[0])
    weights = options.weights or (1 / len(parts),) * len(parts)
    scorer = mixed_scorer([part.scorer for part in parts], weights)
    if options.distill is not None:
        with reporter.task("distilling", N_PASSES) as task:
            tables = distilled(scorer, before.seen, options.distill, seed=before.seed, after_pass=task.advance)
        return Learned(tables, factor_scorer(tables.users, tables.items), rows=trained.rows)
    return replace(
        trained,
        model=Mixture([part.model for part in parts], weights),
        scorer=scorer,
        cold=tuple(part.cold[0] for part in parts),
        users_from=tuple(part.users_from[0] for part in parts),
    )


def _part(before: Before, name: str, options: dict[str, Any], device: str, reporter: Reporter) -> Learned:
    if is_baseline(name):
        fitted = BASELINES[name].make(**options).fit(before.seen, before.texts, before.order)
        return Learned(fitted.serving(), fitted.scores, cold=(getattr(fitted, "cold", None),))
    return _trained(before, name, options, device, reporter)


def _trained(before: Before, name: str, options: dict[str, Any], device: str, reporter: Reporter) -> Learned:
    users, items = _rows(before)
    n_users, n_items = before.seen.shape
    user_codes = np.repeat(np.arange(n_users), np.diff(before.seen.indptr))
    item_codes = before.seen.indices.astype(np.int64)
    kind = BACKBONES[name]
    adjacency = normalized_adjacency(user_codes, item_codes, n_users, n_items)
    backbone = kind(users, items, adjacency, kind.options_type.make(**options))
    sampler = ReplaySampler(user_codes, item_codes, before.is_new, n_users, n_items, share=replay_share(before.is_new))
    result = train(
        backbone, before.config.training, seed=before.seed, device=device, sampler=sampler, reporter=reporter
    )
    return Learned(
        DotProduct(result.users, result.items),
        factor_scorer(result.users, result.items),
        rows=result.rows,
        users_from=(result.history_rows,),
    )


def replay_share(is_new: BoolArray) -> float:
    """Return how many old interactions are learned beside each new one.

    At least as many as there are new ones. Where little is new, a seventh of all is learned in an epoch: the other
    items of a batch are its negatives, and a batch of new interactions alone would push their items apart. On Amazon
    Beauty, a hundredth of it new, three old ones to a new one lost 3 % of NDCG@20, and fifteen nothing that could be
    measured (benchmarks/refresh.py).

    Args:
        is_new: bool of shape (n_interactions,).
    """
    n_new = max(int(is_new.sum()), 1)
    return max(1.0, len(is_new) / 7 / n_new - 1)


def _rows(before: Before) -> tuple[FloatArray, FloatArray]:
    """Return where all users and items go on from.

    What training added to a row's start stays, and the start moves to where a fit of today would put it. New ones
    begin at their starts.
    """
    n_items = before.seen.shape[1]
    known = before.items if before.items is not None else np.zeros((0, 1), dtype=np.float32)
    items = np.concatenate([known, np.zeros((n_items - len(known), known.shape[1]), dtype=np.float32)])
    starts = before.starts
    if starts is not None:
        items[: len(known)] += starts[1][: len(known)] - starts[0]
        items[len(known) :] = starts[1][len(known) :]
    elif len(known) < n_items:
        items[len(known) :] = _of_their_users(before, items)[len(known) :]
    means, _ = user_means(items if starts is None else starts[1], before.seen)
    if before.users is None:
        return means, items
    users = np.array(means)
    users[: len(before.users)] = before.users
    if starts is not None:
        n_known = len(before.users)
        means_before, _ = user_means(starts[0], before.seen_before[:n_known, : len(known)])
        users[:n_known] += means[:n_known] - means_before
    return users, items


def _of_their_users(before: Before, items: FloatArray) -> FloatArray:
    """Return starts of items where there is no text: the mean of what their users have, or of all items."""
    means, _ = user_means(items, before.seen)
    theirs = sp.csr_array(before.seen.T)
    counts = np.maximum(np.diff(theirs.indptr), 1)[:, np.newaxis]
    found = np.asarray((theirs @ means) / counts, dtype=np.float32)
    found[~found.any(axis=1)] = items.mean(axis=0, dtype=np.float64)
    return found
