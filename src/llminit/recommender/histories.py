"""Lists for those whom a recommender does not know: from a history, or from a text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.arrays import IntArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError, shown
from llminit.frames import from_values
from llminit.progress import Reporter
from llminit.recommender.folding import for_histories
from llminit.recommender.lookup import checked_dial, counts_of, known_codes
from llminit.recommender.ranking import best_lists
from llminit.recommender.state import State


def history_matrix(items: Vocabulary, histories: Any, report: Mapping[str, Any]) -> csr_array:
    """Return histories as ones, float32 CSR of shape (n, n_items); an item counts once in a history.

    Args:
        items: The known items.
        histories: A list of lists of item ids, or a column of lists.
        report: The recommender's report, for messages.

    Raises:
        UnknownIdError: Items are not known; the message names them.
        DataError: It is no list of lists.
    """
    lists = [from_values("history", history) for history in _lists(histories)]
    lengths = [len(each) for each in lists]
    rows = np.repeat(np.arange(len(lists)), lengths)
    codes = _codes(items, lists, report)
    matrix = csr_array((np.ones(len(codes), dtype=np.float32), (rows, codes)), shape=(len(lists), len(items)))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def lists_for_histories(
    recommender: State,
    histories: csr_array,
    k: int | Sequence[int],
    *,
    exclude_seen: bool,
    candidates: Any,
    exclude: Any,
    where: Mapping[str, Any] | None,
    diversity: float,
    reporter: Reporter,
) -> pl.DataFrame:
    """Return the best items of each history; see `Recommender.recommend_for_histories`."""
    n_queries = histories.shape[0]
    dial, counts = checked_dial(diversity, "diversity"), counts_of(k, n_queries)
    chosen = recommender.candidates(candidates, exclude, where, of_users=False)
    n_empty = int((np.diff(histories.indptr) == 0).sum())
    if n_empty:
        what = "the history is" if n_queries == 1 else f"{n_empty} of {n_queries} histories are"
        reporter.note(f"{what} empty: what people like in general is recommended")
    model = for_histories(recommender.model, recommender.fold_in, histories, recommender.mean_user)
    found = best_lists(
        model,
        histories,
        np.arange(n_queries),
        counts,
        chosen,
        exclude_seen=exclude_seen,
        diversity=dial,
        directions=recommender.directions if dial else None,
        reporter=reporter,
    )
    ranked = recommender.ranked(*found)
    queries = pl.Series("query", np.repeat(np.arange(n_queries), (found[0] >= 0).sum(axis=1)))
    return ranked.insert_column(0, queries)


def _lists(histories: Any) -> list[Any]:
    if isinstance(histories, pl.Series):
        return histories.to_list()
    if isinstance(histories, str | bytes | Mapping) or not isinstance(histories, Iterable):
        raise DataError(f"found {shown(histories)}; expected a list of histories, each a list of item ids")
    return list(histories)


def _codes(items: Vocabulary, lists: Sequence[pl.Series], report: Mapping[str, Any]) -> IntArray:
    filled = [each for each in lists if len(each)]
    if not filled:
        return np.zeros(0, dtype=np.int64)
    if len({each.dtype for each in filled}) == 1:
        return known_codes(items, pl.concat(filled), "items", report)
    return known_codes(items, [identifier for each in filled for identifier in each.to_list()], "items", report)
