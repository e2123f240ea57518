"""Full ranking: the rank of each relevant item is a count of higher scores, so nothing is ever sorted by score.

A rank is pessimistic about ties with items that are not relevant, so a constant score earns nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import IntArray
from llminit.errors import InputError
from llminit.evaluation.best import top_k
from llminit.evaluation.scorers import (
    Scorer,
    canonical,
    checked_users,
    factor_scorer,
    matrix_scorer,
    reject_nan,
    score_blocks,
)
from llminit.progress import SILENT, Reporter

__all__ = ["RelevantRanks", "Scorer", "factor_scorer", "matrix_scorer", "rank_both", "rank_relevant", "top_k"]


@dataclass(frozen=True)
class RelevantRanks:
    """Where each evaluated user's relevant items stand; every metric here is a function of this.

    Attributes:
        users: int64 of shape (m,), the user codes.
        indptr: int64 of shape (m + 1,), the bounds of each user's ranks; every user has at least one.
        ranks: int64 of shape (n_relevant,), 1 for the best, ascending within a user.
    """

    users: IntArray
    indptr: IntArray
    ranks: IntArray

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
        block_size: Users scored at a time; None takes as many as 64 MiB of scores hold. It never changes the result.
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
    masked, unmasked = _rank(scorer, relevant, seen, evaluated, block_size, reporter)
    indptr = relevant.indptr.astype(np.int64)
    return RelevantRanks(evaluated, indptr, masked), RelevantRanks(evaluated, indptr, unmasked)


def _rank(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array,
    users: IntArray,
    block_size: int | None,
    reporter: Reporter,
) -> tuple[IntArray, IntArray]:
    from llminit.evaluation.kernels import rank_block  # compiling takes seconds that recommending need not spend

    masked, unmasked = (np.empty(relevant.nnz, dtype=np.int64) for _ in range(2))
    with reporter.task("ranking", len(users)) as task:
        for block, scores in score_blocks(scorer, users, relevant.shape[1], block_size):
            n_nan = np.empty(len(scores), dtype=np.int64)
            part = slice(relevant.indptr[block.start], relevant.indptr[block.stop])
            rank_block(scores, *_rows(relevant, block), *_rows(seen, block), masked[part], unmasked[part], n_nan)
            reject_nan(int(np.count_nonzero(n_nan)))
            task.advance(len(scores))
    return masked, unmasked


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
