"""Interactions that come after the fit: they are not recommended again, and move their users."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit.arrays import IntArray
from llminit.data import read_interactions
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError, listed
from llminit.ids import converted, examples
from llminit.models.serving import DotProduct, ItemModel, ServingModel
from llminit.progress import SILENT, Reporter
from llminit.recommender.folding import for_histories, leaves, with_leaves
from llminit.recommender.lookup import known_codes
from llminit.recommender.state import State

Known = TypeVar("Known", bound=State)
"""The class of recommender that is given and returned."""


@dataclass(frozen=True)
class Grown:
    """What adding interactions did.

    Attributes:
        n_interactions: Interactions that are new.
        n_known: Those that the recommender knew already.
        n_below_min_rating: Those that the fit's minimum rating leaves out.
        n_users: Users that are new.
    """

    n_interactions: int
    n_known: int
    n_below_min_rating: int
    n_users: int


def add_interactions(recommender: Known, interactions: Any, *, reporter: Reporter = SILENT) -> tuple[Known, Grown]:
    """Add interactions of known and new users; see `Recommender.add_interactions`."""
    table = read_interactions(interactions)
    kept = rated(table, recommender)
    pairs = kept.unique(["user_id", "item_id"], maintain_order=True)
    items = known_codes(recommender.items, pairs["item_id"], "items", recommender.report)
    users, codes = _with_users(recommender.users, pairs["user_id"])
    before = _taller(recommender.seen, len(users))
    new = _matrix(codes, items, before.shape)
    new = sp.csr_array(new - new.multiply(before != 0))
    new.eliminate_zeros()
    counts = Grown(new.nnz, len(kept) - new.nnz, len(table) - len(kept), len(users) - len(recommender.users))
    _note(counts, len(table), reporter)
    after = sp.csr_array(before + new)
    model = _grown(recommender, before, after, new)
    pending = new if recommender.pending is None else sp.csr_array(_taller(recommender.pending, len(users)) + new)
    changed = replace(recommender, users=users, seen=after, model=model, pending=pending if pending.nnz else None)
    return changed, counts


def rated(table: pl.DataFrame, recommender: State) -> pl.DataFrame:
    """Return the interactions that the minimum rating of the fit keeps."""
    lowest = recommender.report.get("config", {}).get("min_rating")
    if lowest is None or "rating" not in table.columns:
        return table
    return table.filter(pl.col("rating").fill_nan(None) >= lowest)


def _with_users(users: Vocabulary, ids: pl.Series) -> tuple[Vocabulary, IntArray]:
    own = converted(ids, users.ids.dtype)
    if own.null_count():
        raise DataError(
            f"{own.null_count()} of {len(own)} user ids cannot stand beside the known ones, such as "
            f"{listed(ids.filter(own.is_null()))}; the user ids of the model are such as {examples(users.ids)}: write "
            "the new ones in the same way"
        )
    new = own.filter(pl.Series(users.codes(own) < 0)).unique(maintain_order=True)
    grown = Vocabulary(pl.concat([users.ids, new.alias(users.ids.name)]), "user") if len(new) else users
    return grown, grown.codes(own)


def _grown(recommender: State, before: sp.csr_array, after: sp.csr_array, new: sp.csr_array) -> ServingModel:
    """Return the model in which users who have something new are moved by what that changes in their map's vector.

    A known user was trained on more than a map of their history says; what the map adds for the new items is added to
    that. A new user is what the map makes of the history.
    """
    changed = np.flatnonzero(np.diff(new.indptr))
    n_known = len(recommender.users)
    parts: list[ServingModel] = []
    models = [
        leaves(for_histories(recommender.model, recommender.fold_in, each[changed], recommender.mean_user))
        for each in (before, after)
    ]
    for index, part in enumerate(leaves(recommender.model)):
        old, now = models[0][index], models[1][index]
        if isinstance(part, DotProduct) and isinstance(old, DotProduct) and isinstance(now, DotProduct):
            users = np.concatenate([part.users, np.zeros((len(after.indptr) - 1 - n_known, part.users.shape[1]))])
            is_known = (np.diff(before.indptr)[changed] > 0)[:, np.newaxis]
            users[changed] = np.where(is_known, users[changed] + now.users - old.users, now.users)
            part = DotProduct(users.astype(np.float32), part.items)
        elif isinstance(part, ItemModel):
            counts = np.asarray(new.sum(axis=0), dtype=np.float32).ravel()
            part = ItemModel(part.pairs, part.popularity + counts)
        parts.append(part)
    return with_leaves(recommender.model, parts)


def _taller(seen: sp.csr_array, n_users: int) -> sp.csr_array:
    indptr = np.concatenate([seen.indptr, np.full(n_users - seen.shape[0], seen.indptr[-1], dtype=seen.indptr.dtype)])
    return sp.csr_array((seen.data, seen.indices, indptr), shape=(n_users, seen.shape[1]))


def _matrix(users: IntArray, items: IntArray, shape: tuple[int, int]) -> sp.csr_array:
    return sp.csr_array((np.ones(len(users), dtype=np.float32), (users, items)), shape=shape)


def _note(counts: Grown, n_rows: int, reporter: Reporter) -> None:
    if counts.n_known:
        reporter.note(f"{counts.n_known} of {n_rows} interactions were known already")
    if counts.n_below_min_rating:
        reporter.note(f"{counts.n_below_min_rating} of {n_rows} interactions are below the minimum rating of the fit")
