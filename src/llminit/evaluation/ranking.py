"""Full ranking: the rank of each relevant item is a count of higher scores, so nothing is ever sorted by score.

A rank is pessimistic about ties with items that are not relevant, so a constant score earns nothing.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.errors import InputError
from llminit.evaluation.scorers import (
    Scorer,
    canonical,
    check_no_nan,
    checked_users,
    factor_scorer,
    matrix_scorer,
    score_blocks,
)
from llminit.evaluation.top_items import top_k
from llminit.progress import SILENT, Reporter

__all__ = ["RelevantRanks", "Scorer", "factor_scorer", "matrix_scorer", "rank_both", "rank_relevant", "top_k"]


@dataclass(frozen=True)
class RelevantRanks:
    """The ranks of each evaluated user's relevant items; every metric is a function of them.

    Attributes:
        users: int64 of shape (m,), the user codes.
        indptr: int64 of shape (m + 1,), the bounds of each user's ranks; every user has at least one.
        ranks: int64 of shape (n_relevant,), 1 for the best, ascending within a user.
        items: int64 of shape (n_relevant,), the item code of each rank; empty if unknown.
    """

    users: IntArray
    indptr: IntArray
    ranks: IntArray
    items: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def from_rows(cls, users: IntArray, items: IntArray, ranks: IntArray) -> Self:
        """Build from a table with one row for each relevant item, in any order; users are sorted.

        Args:
            users: int64 of shape (n_relevant,), user codes.
            items: int64 of shape (n_relevant,), item codes.
            ranks: int64 of shape (n_relevant,), at least 1.

        Raises:
            InputError: The three lengths differ, or a rank is less than 1.
        """
        lowest = np.min(ranks, initial=1)
        if not len(users) == len(items) == len(ranks) or lowest < 1:
            raise InputError(
                f"{len(users)} users, {len(items)} items and {len(ranks)} ranks, the lowest {lowest}, are not one row "
                "a relevant item; expected as many of each, with ranks from 1; read the rows again"
            )
        order = np.lexsort((items, ranks, users))
        codes, counts = np.unique(users, return_counts=True)
        rows = (np.asarray(values, dtype=np.int64)[order] for values in (ranks, items))
        return cls(codes.astype(np.int64), np.append(0, np.cumsum(counts)), *rows)

    def rows(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return the user, the item and the rank of each relevant item, sorted by user code, then by item code.

        The order is the same for every scorer's ranks of the same relevant items.

        Returns:
            Three int64 arrays of shape (n_relevant,).

        Raises:
            InputError: The items are not known.
        """
        if len(self.items) != len(self.ranks):
            raise InputError(
                f"these {len(self.ranks)} ranks have lost their items; expected the item of each; take the ranks from "
                "rank_relevant, rank_both or RelevantRanks.from_rows"
            )
        users = np.repeat(self.users, self.n_relevant)
        order = np.lexsort((self.items, users))
        return users[order], self.items[order], self.ranks[order]

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_relevant(self) -> IntArray:
        """int64 of shape (m,): how many relevant items each user has."""
        return np.diff(self.indptr)


def rank_relevant(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array | None,
    *,
    users: IntArray | None = None,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> RelevantRanks:
    """Rank each user's relevant items among all items, or among all but the seen ones.

    The rank of a relevant item is 1 + the candidates with a higher score + the candidates with the same score that are
    not relevant + the relevant items with the same score that are listed before it.

    Args:
        scorer: Gives float32 scores of shape (n, n_items) for n user codes.
        relevant: Shape (n_users, n_items); non-zero where an item is relevant. Users without one are not evaluated.
        seen: The same shape; non-zero where an item is removed from the user's ranking. None removes nothing.
        users: int64 of shape (m,), the users to evaluate; None takes all with a relevant item.
        block_size: Users scored at a time; None takes as many as fit 64 MiB of scores. It never changes the result.
        reporter: Receives the progress, in users.

    Raises:
        InputError: Shapes differ, a user's relevant item is also seen, a user code is out of range, or scores hold NaN.
    """
    return rank_both(scorer, relevant, seen, users=users, block_size=block_size, reporter=reporter)[0]


def rank_both(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array | None,
    *,
    users: IntArray | None = None,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> tuple[RelevantRanks, RelevantRanks]:
    """Rank with and without the seen items from one pass over the scores.

    Args:
        scorer: As for `rank_relevant`, and so are the other arguments.
        relevant: Shape (n_users, n_items).
        seen: Shape (n_users, n_items), or None.
        users: int64 of shape (m,), or None.
        block_size: Users scored at a time, or None.
        reporter: Receives the progress, in users.

    Returns:
        The masked ranks (seen items removed) and the unmasked ranks (nothing removed).

    Raises:
        InputError: As for `rank_relevant`.
    """
    relevant = canonical(relevant, "relevant")
    seen = csr_array(relevant.shape, dtype=np.float32) if seen is None else canonical(seen, "seen")
    _check_disjoint(relevant, seen)
    evaluated = np.arange(relevant.shape[0]) if users is None else checked_users(users, relevant.shape[0])
    evaluated = evaluated[np.diff(relevant.indptr)[evaluated] > 0]
    relevant, seen = relevant[evaluated], seen[evaluated]
    masked, unmasked, items = _rank(scorer, relevant, seen, evaluated, block_size, reporter)
    indptr = relevant.indptr.astype(np.int64)
    return RelevantRanks(evaluated, indptr, masked, items), RelevantRanks(evaluated, indptr, unmasked, items)


def _rank(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array,
    users: IntArray,
    block_size: int | None,
    reporter: Reporter,
) -> tuple[IntArray, IntArray, IntArray]:
    from llminit.compiled.ranking import rank_block  # recommending does not need numba, which takes seconds to load

    masked, unmasked, items = (np.empty(relevant.nnz, dtype=np.int64) for _ in range(3))
    with reporter.task("ranking", len(users)) as task:
        for block, scores in score_blocks(scorer, users, relevant.shape[1], block_size):
            n_nan = np.empty(len(scores), dtype=np.int64)
            part = slice(relevant.indptr[block.start], relevant.indptr[block.stop])
            rank_block(scores, *_rows(relevant, block), *_rows(seen, block), masked[part], unmasked[part], n_nan)
            check_no_nan(int(np.count_nonzero(n_nan)))
            items[part] = _best_first(scores, *_rows(relevant, block))
            task.advance(len(scores))
    return masked, unmasked, items


def _best_first(scores: FloatArray, indptr: IntArray, items: IntArray) -> IntArray:
    """Sort each row's items by rank, with or without the seen items; those of equal scores keep their order."""
    rows = np.repeat(np.arange(len(scores)), np.diff(indptr))
    ordered: IntArray = items[np.lexsort((-scores[rows, items], rows))]
    return ordered


def _rows(matrix: csr_array, block: slice) -> tuple[IntArray, IntArray]:
    indptr = matrix.indptr[block.start : block.stop + 1].astype(np.int64)
    return indptr - indptr[0], matrix.indices[indptr[0] : indptr[-1]].astype(np.int64)


def _check_disjoint(relevant: csr_array, seen: csr_array) -> None:
    if relevant.shape != seen.shape:
        raise InputError(
            f"relevant has shape {relevant.shape} and seen has shape {seen.shape}; expected the same users and items "
            "in both; build them from one data set"
        )
    overlap = relevant.astype(bool).multiply(seen.astype(bool)).tocoo()
    if overlap.nnz:
        raise InputError(
            f"{overlap.nnz} relevant items are also seen by the same user (the first: user code {overlap.row[0]}, item "
            f"code {overlap.col[0]}); expected none, because a seen item is not ranked; remove the repeated "
            "interactions, or split so that no pair is on both sides"
        )
