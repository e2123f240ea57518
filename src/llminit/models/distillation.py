"""Distillation: a pair of embedding tables whose dot products are nearly the scores of another model.

With s the scores that are to be kept, best_u the items of each user u with the highest ones that the user has not seen,
and a small ridge, users x and items y of the wanted width minimise

    sum over all pairs of (s_ui - x_u . y_i)^2 + best_weight * sum over u and i in best_u of (s_ui - x_u . y_i)^2.

Without the second term that is the truncated singular value decomposition, which spends its width on the many items
that nobody is shown. It is a weighted low-rank approximation (Srebro and Jaakkola, ICML 2003) with the idea of ranking
distillation (Tang and Wang, KDD 2018), that the teacher's best items count more than others. Users and items are solved
in turn, as in iALS, whose compiled rows do it. The scores are never all held: each pass computes them once, in blocks
of users, and holds two tables and the best items of each user.

What 128 columns lose of a mixture's NDCG@10 (softmax and L3AE, `standard`, one seed of Amazon Beauty and of Toys): the
truncated decomposition 13 % on Beauty; with a best_weight of 30 0.5 % and 4 %, of 100 nothing and 2 %, of 300 about 1 %
on both. More passes or best items, and other ridges, change less than that. benchmarks/distillation.py measures widths.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

from llminit.arrays import FloatArray, IntArray
from llminit.evaluation.scorers import BLOCK_BYTES, Scorer
from llminit.evaluation.top_items import best_items
from llminit.models.alternating import Turned
from llminit.models.serving import DotProduct

N_BEST = 50
"""How many items of each user count more."""

BEST_WEIGHT = 100.0
"""How much more they count than all others."""

N_PASSES = 4
"""How many times users and items are solved."""

_RIDGE = 0.01
_SOLVER_STEPS = 5
# A score, its target and temporary arrays.
_BYTES_PER_SCORE = 16


def distilled(
    scorer: Scorer, seen: csr_array, width: int, *, seed: int = 0, after_pass: Callable[[], None] | None = None
) -> DotProduct:
    """Return two tables of a width whose dot products keep each user's best items.

    Args:
        scorer: Returns the scores to keep, float32 of shape (n, n_items) for n user codes; on a scale of about 1.
        seen: What each user has, CSR of shape (n_users, n_items): items that are not among a user's best.
        width: Columns of the tables.
        seed: Of the items' rows before the first pass.
        after_pass: Called after each of `N_PASSES` passes.
    """
    n_users, n_items = seen.shape
    items = np.random.default_rng(seed).standard_normal((n_items, width), dtype=np.float32) / np.float32(np.sqrt(width))
    users, teacher = np.zeros((n_users, width), dtype=np.float32), _Teacher(scorer, seen)
    best = teacher.best()
    for _ in range(N_PASSES):
        users, items = _one_pass(teacher, best, users, items)
        if after_pass is not None:
            after_pass()
    return balanced(users, items)


def balanced(users: FloatArray, items: FloatArray) -> DotProduct:
    """Return tables of the same products and width in which neither side is stretched, the largest direction first.

    With P S Q' the singular value decomposition of the table of all products, they are P sqrt(S) and Q sqrt(S). A least
    squares solution may be any A and B with A B' = P S Q', and cosines between items mean little in most: on Amazon
    Beauty, ranking by the cosine to what a user has gains 13 % of NDCG@10 by this at 128 columns, and 21 % at 256.

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
    """
    (left, upper), (right, other) = (np.linalg.qr(side.astype(np.float64)) for side in (users, items))
    turn, sizes, back = np.linalg.svd(upper @ other.T, full_matrices=False)
    roots, width = np.sqrt(sizes), users.shape[1]
    halves = (left @ turn * roots, right @ back.T * roots)
    # Fewer users or items than columns leave the last columns at zero.
    tables = [np.pad(half, ((0, 0), (0, width - len(sizes)))).astype(np.float32) for half in halves]
    return DotProduct(*tables)


@dataclass(frozen=True, eq=False)
class _Teacher:
    """The model whose scores are kept."""

    scorer: Scorer
    seen: csr_array

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the scores of all users, in blocks."""
        n_users, n_items = self.seen.shape
        size = max(1, BLOCK_BYTES // (_BYTES_PER_SCORE * n_items))
        for start in range(0, n_users, size):
            codes: IntArray = np.arange(start, min(start + size, n_users))
            yield slice(start, start + len(codes)), self.scorer(codes)

    def best(self) -> csr_array:
        """Return the scores of each user's best items, float32 CSR of shape (n_users, n_items)."""
        return csr_array(vstack([self._best(block, scores) for block, scores in self.blocks()], format="csr"))

    def _best(self, block: slice, scores: FloatArray) -> csr_array:
        seen, open_scores = self.seen[block], scores.copy()
        open_scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
        items, values = best_items(open_scores, min(N_BEST, scores.shape[1]))
        is_item = items >= 0
        rows = np.repeat(np.arange(len(items)), is_item.sum(axis=1))
        return csr_array((values[is_item], (rows, items[is_item])), shape=scores.shape)


def _one_pass(
    teacher: _Teacher, best: csr_array, users: FloatArray, items: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Solve the users and, from the same scores, the items; return both."""
    turned = Turned.make(users, items)
    product = np.zeros_like(items)
    for block, scores in teacher.blocks():
        targets = scores @ turned.others
        _solve(turned, best[block], targets, block.start)
        product += scores.T @ turned.rows[block]
    again = Turned.make(turned.others, turned.rows)
    _solve(again, csr_array(best.T), product @ again.directions, 0)
    return again.others, again.rows


def _solve(turned: Turned, best: csr_array, targets: FloatArray, start: int) -> None:
    weights = csr_array((np.full(best.nnz, BEST_WEIGHT, dtype=np.float32), best.indices, best.indptr), shape=best.shape)
    # The solver draws the dot products of weighted pairs to 1: the rest of their scores goes into the targets.
    rest = csr_array((np.float32(BEST_WEIGHT) * (best.data - 1), best.indices, best.indptr), shape=best.shape)
    ridge = np.full(best.shape[0], _RIDGE, dtype=np.float32)
    turned.solve(weights, ridge, targets + rest @ turned.others, _SOLVER_STEPS, start)
