"""What is served to newcomers, measured: items and users that training has never seen.

Cold items are ranked in the whole catalogue, among all items that their users do not have, at several exposures. What
they gain is the recall@10 of the interactions with them; what they cost is the relative loss of the recall@10 of the
warm test interactions, with them in the catalogue against without.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions, to_csr
from llminit.evaluation import METRICS, RelevantRanks, Scorer, mean_metric, mean_metrics, rank_relevant, top_k
from llminit.models.serving import DotProduct, ServingModel
from llminit.pipeline.cold_split import ColdSplit
from llminit.progress import SILENT, Reporter
from llminit.recommender import FoldIn, TextRecipe
from llminit.recommender.folding import for_histories, leaves, with_folded

EXPOSURES = (0.5, 0.65, 0.8, 0.9, 1.0, 1.15, 1.35, 1.6, 2.0)
"""Where the dial is measured, beside where it is set."""

_LIST_LENGTH = 10
_MAX_LISTS = 2000
_N_MOST_SHOWN = 5


@dataclass(frozen=True, eq=False)
class ColdData:
    """A measured model and the items that it has not seen.

    Attributes:
        held_out: The warm data that the model was learned from and is measured on.
        split: What was held out of them.
        model: The model of the warm items.
        maps: Its maps.
        recipe: Makes starts of text embeddings.
        texts: float32 of shape (n_cold, D), the cold items' text embeddings.
    """

    held_out: HeldOut
    split: ColdSplit
    model: ServingModel
    maps: FoldIn
    recipe: TextRecipe | None
    texts: FloatArray

    @property
    def n_warm(self) -> int:
        """Number of warm items."""
        return self.held_out.dataset.n_items

    def scorer(self, exposure: float) -> Scorer:
        """Return what scores warm items, then cold ones, with the dial at an exposure."""
        maps = self.maps.with_exposure(exposure)
        model = with_folded(self.model, maps, self.recipe, self.texts, self.n_warm)
        history = self.widened(self.held_out.train)
        return lambda users: model.scores(users, history[users])

    def widened(self, matrix: csr_array) -> csr_array:
        """Return a matrix of warm items with columns of zeros for the cold ones."""
        shape = (matrix.shape[0], self.n_warm + self.split.n_cold_items)
        return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=shape)

    def relevant(self) -> csr_array:
        """Return the cold interactions of users with a training item, and no others: columns of cold items alone."""
        return cold_interactions(self.held_out, self.split)


def cold_interactions(held_out: HeldOut, split: ColdSplit) -> csr_array:
    """Return the cold interactions of users with a training item, float32 CSR of shape (n_users, n_cold)."""
    matrix = to_csr(split.of_items, held_out.dataset.n_users, split.n_cold_items)
    known = sp.diags_array((np.diff(held_out.train.indptr) > 0).astype(np.float32))
    kept = csr_array(known @ matrix)
    kept.eliminate_zeros()
    return kept


def newcomers_report(
    held_out: HeldOut,
    split: ColdSplit,
    model: ServingModel,
    maps: FoldIn,
    recipe: TextRecipe | None,
    texts: FloatArray | None,
    config: FitConfig,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Measure the items and users that were held out.

    Args:
        held_out: The warm data that the model was learned from and is measured on.
        split: What was held out.
        model: The model.
        maps: Its maps.
        recipe: Makes starts of text embeddings; None without text.
        texts: float32 of shape (n_items, D), the text embeddings of all items; None without text.
        config: How the cold users' interactions are divided.
        reporter: Receives progress.

    Returns:
        "cold" and "cold_items" where items were held out, "new_users" where users were; JSON values.
    """
    report: dict[str, Any] = {}
    if len(split.of_items) and texts is not None:
        data = ColdData(held_out, split, model, maps, recipe, texts[~split.is_warm])
        report |= cold_items_report(data, maps.exposure or 0.0, reporter)
    if len(split.of_users):
        report["new_users"] = new_users_report(divided_new_users(split, config), model, maps)
    return report


def divided_new_users(split: ColdSplit, config: FitConfig) -> HeldOut:
    """Return the cold users' interactions with warm items, divided as those of the other users are."""
    dataset = replace(split.warm, interactions=split.of_users)
    return HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))


def cold_items_report(data: ColdData, chosen: float, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Measure items that training has never seen.

    Args:
        data: The model and the items.
        chosen: The exposure that is saved.
        reporter: Receives progress.

    Returns:
        "cold", one row an exposure, and "cold_items", all else; JSON values.
    """
    cold = data.relevant()
    relevant = csr_array(sp.hstack([data.held_out.test, cold], format="csr"), dtype=np.float32)
    seen = data.widened(data.held_out.seen_at_test)
    base = rank_relevant(_without(data), data.held_out.test, data.held_out.seen_at_test)
    rows, most_shown = [], []
    exposures = sorted({*EXPOSURES, chosen})
    with reporter.task("measuring cold items", len(exposures)) as task:
        for exposure in exposures:
            scorer = data.scorer(exposure)
            ranks = rank_relevant(scorer, relevant, seen)
            shown = _shown(scorer, seen, data.n_warm)
            rows.append({"exposure": exposure, **_row(base, ranks, data.n_warm), **shown.row()})
            if exposure == chosen:
                most_shown = shown.most(data)
            task.advance()
    details = {
        "n_items": data.split.n_cold_items,
        "n_interactions": cold.nnz,
        "n_users": int((np.diff(cold.indptr) > 0).sum()),
        "exposure": chosen,
        "most_shown": most_shown,
        "among_cold_items": _among_cold(data, cold),
    }
    return {"cold": rows, "cold_items": details}


def new_users_report(data: HeldOut, model: ServingModel, maps: FoldIn) -> dict[str, Any]:
    """Measure users that training has never seen: made of a part of their history, they rank the rest.

    Args:
        data: Their interactions, divided as those of the other users are; warm items alone.
        model: The model of the others.
        maps: Its maps.

    Returns:
        "n_users", and "metrics" under `standard`.
    """
    history = data.seen_at_test
    tables = [part.users if isinstance(part, DotProduct) else None for part in leaves(model)]

    def mean_user(index: int) -> FloatArray:
        table = tables[index]
        return np.zeros(0, dtype=np.float32) if table is None else table.mean(axis=0)

    made = for_histories(model, maps, history, mean_user)
    ranks = rank_relevant(lambda users: made.scores(users, history[users]), data.test, history)
    return {"n_users": len(ranks), "metrics": mean_metrics(ranks, (10, 20), tuple(METRICS)) if len(ranks) else {}}


@dataclass(frozen=True, eq=False)
class _Shown:
    """How often each cold item is in the lists of some users.

    Attributes:
        counts: int64 of shape (n_cold,).
        n_lists: How many lists there are.
        n_slots: How many places they have together.
    """

    counts: IntArray
    n_lists: int
    n_slots: int

    def row(self) -> dict[str, float]:
        """Return the share of places that cold items get, and the share of them that is in any list."""
        return {
            "share_of_lists": float(self.counts.sum() / max(self.n_slots, 1)),
            "coverage": float((self.counts > 0).mean()),
        }

    def most(self, data: ColdData) -> list[dict[str, Any]]:
        """Return the cold items that are shown most, each with the share of users who get it."""
        ids = data.split.cold_ids.to_list()
        best = np.argsort(-self.counts, kind="stable")[:_N_MOST_SHOWN]
        return [
            {"item_id": _plain(ids[item]), "share_of_users": float(self.counts[item] / max(self.n_lists, 1))}
            for item in best
            if self.counts[item]
        ]


def _plain(identifier: Any) -> Any:
    return identifier if isinstance(identifier, int | str) else str(identifier)


def _shown(scorer: Scorer, seen: csr_array, n_warm: int) -> _Shown:
    users = np.arange(seen.shape[0])[:: max(1, seen.shape[0] // _MAX_LISTS)]
    items, _ = top_k(scorer, users, _LIST_LENGTH, seen)
    counts = np.bincount(items[items >= n_warm] - n_warm, minlength=seen.shape[1] - n_warm)
    return _Shown(counts, len(users), int((items >= 0).sum()))


def _row(base: RelevantRanks, ranks: RelevantRanks, n_warm: int) -> dict[str, float]:
    users, items, places = ranks.rows()
    is_cold = items >= n_warm
    warm, cold = (RelevantRanks.from_rows(users[part], items[part], places[part]) for part in (~is_cold, is_cold))
    return {
        "warm_loss": _loss(base, warm, "recall@10"),
        "warm_loss_ndcg@10": _loss(base, warm, "ndcg@10"),
        "recall@10": mean_metric(cold, "recall@10"),
        "ndcg@10": mean_metric(cold, "ndcg@10"),
    }


def _loss(before: RelevantRanks, after: RelevantRanks, metric: str) -> float:
    if not len(before):
        return 0.0
    value = mean_metric(before, metric)
    return 1 - mean_metric(after, metric) / value if value > 0 else 0.0


def _without(data: ColdData) -> Scorer:
    history = data.held_out.train
    return lambda users: data.model.scores(users, history[users])


def _among_cold(data: ColdData, cold: csr_array) -> dict[str, float]:
    """Return the metrics of a ranking of cold items alone."""
    scorer = data.scorer(1.0)
    ranks = rank_relevant(lambda users: np.ascontiguousarray(scorer(users)[:, data.n_warm :]), cold, None)
    return mean_metrics(ranks, (_LIST_LENGTH,), ("recall", "ndcg"))
