"""Ranks of relevant items."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_ranking import slow_ranks
from scipy.sparse import csr_array
from strategies_ranking import Problem, make_problem, problems

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import InputError
from llminit.evaluation.ranking import RelevantRanks, factor_scorer, matrix_scorer, rank_both, rank_relevant


def as_lists(ranks: RelevantRanks) -> list[list[int]]:
    return [list(part) for part in np.split(ranks.ranks, ranks.indptr[1:-1])] if len(ranks) else []


@settings(max_examples=50, deadline=None)
@given(problem=problems, block_size=st.sampled_from([None, 1, 2, 100]))
def test_ranks_are_those_of_a_full_sort(problem: Problem, block_size: int | None) -> None:
    """Masked and unmasked ranks equal a full sort's, with ties, infinities, masks and any block size."""
    relevant, seen = problem.matrices()
    masked, unmasked = rank_both(matrix_scorer(problem.scores), relevant, seen, block_size=block_size)
    assert list(masked.users) == list(np.flatnonzero(problem.relevant.any(axis=1)))
    for ranks, hide in ((masked, True), (unmasked, False)):
        expected = [
            slow_ranks(problem.scores[user], relevant_items, seen_items if hide else set())
            for user, (relevant_items, seen_items) in ((user, problem.sets(user)) for user in ranks.users)
        ]
        assert as_lists(ranks) == expected


@settings(max_examples=30, deadline=None)
@given(problem=problems)
def test_rank_relevant_agrees_with_rank_both(problem: Problem) -> None:
    """`rank_relevant` agrees with `rank_both` with a mask and without."""
    relevant, seen = problem.matrices()
    masked, unmasked = rank_both(matrix_scorer(problem.scores), relevant, seen)
    alone = rank_relevant(matrix_scorer(problem.scores), relevant, None)
    assert np.array_equal(alone.ranks, unmasked.ranks)
    assert np.array_equal(rank_relevant(matrix_scorer(problem.scores), relevant, seen).ranks, masked.ranks)


def test_a_constant_score_ranks_last() -> None:
    """With one relevant item and equal scores, every candidate that is not relevant comes first."""
    relevant = csr_array(np.eye(3, 5, dtype=np.float32))
    seen = csr_array(np.eye(3, 5, k=1, dtype=np.float32))
    masked, unmasked = rank_both(matrix_scorer(np.zeros((3, 5), dtype=np.float32)), relevant, seen)
    assert masked.ranks.tolist() == [4, 4, 4]
    assert unmasked.ranks.tolist() == [5, 5, 5]


def test_seen_items_are_excluded_even_when_everything_is_minus_infinity() -> None:
    """Masking removes candidates; it is not a score that a candidate could share."""
    scores = np.full((1, 4), -np.inf, dtype=np.float32)
    ranks = rank_relevant(matrix_scorer(scores), csr_array([[1.0, 0, 0, 0]]), csr_array([[0, 1.0, 1, 1]]))
    assert ranks.ranks.tolist() == [1]


def test_no_block_is_larger_than_the_block_size() -> None:
    """Memory is bounded: the scorer never gets more users than the block size, and each user once."""
    problem, blocks = make_problem(3, n_users=23), []

    def scorer(users: IntArray) -> FloatArray:
        blocks.append(list(users))
        return problem.scores[users]

    rank_relevant(scorer, *problem.matrices(), block_size=4)
    assert max(map(len, blocks)) <= 4
    assert [user for block in blocks for user in block] == list(np.flatnonzero(problem.relevant.any(axis=1)))


def test_users_choose_and_order_what_is_ranked() -> None:
    """Only `users` are ranked, in their order; those without a relevant item are left out."""
    relevant = csr_array(np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]], dtype=np.float32))
    scores = np.array([[3, 2, 1]] * 3, dtype=np.float32)
    ranks = rank_relevant(matrix_scorer(scores), relevant, None, users=np.array([2, 1, 0]))
    assert ranks.users.tolist() == [2, 0]
    assert ranks.ranks.tolist() == [3, 1]


def test_stored_zeros_and_duplicates_do_not_count() -> None:
    """A stored zero is not relevant, and an item listed twice is relevant once; the input stays as it was."""
    relevant = csr_array((np.array([0.0, 1.0, 1.0]), np.array([0, 2, 2]), np.array([0, 3])), shape=(1, 3))
    ranks = rank_relevant(matrix_scorer(np.array([[3, 2, 1]], dtype=np.float32)), relevant, None)
    assert ranks.ranks.tolist() == [3]
    assert relevant.nnz == 3


def test_factor_scorer_is_the_dot_product() -> None:
    """Scores are user times item embeddings, float32."""
    users, items = np.eye(2, 3, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(4, 3)
    scores = factor_scorer(users, items)(np.array([1]))
    assert scores.dtype == np.float32
    assert scores.tolist() == [[1, 4, 7, 10]]


def test_nothing_relevant_gives_no_ranks() -> None:
    """No relevant item at all is an empty result here, not an error."""
    ranks = rank_relevant(matrix_scorer(np.zeros((2, 3), dtype=np.float32)), csr_array((2, 3)), None)
    assert len(ranks) == 0
    assert ranks.indptr.tolist() == [0]


@pytest.mark.parametrize(
    ("message", "scores", "relevant", "seen", "options"),
    [
        ("also seen", np.zeros((1, 2)), [[1.0, 0]], [[1.0, 0]], {}),
        ("NaN", np.array([[0, np.nan]]), [[1.0, 0]], [[0.0, 0]], {}),
        ("shape", np.zeros((1, 3)), [[1.0, 0]], [[0.0, 0]], {}),
        ("seen has shape", np.zeros((1, 2)), [[1.0, 0]], [[0.0, 0, 0]], {}),
        ("block_size=0", np.zeros((1, 2)), [[1.0, 0]], [[0.0, 0]], {"block_size": 0}),
        ("out of range", np.zeros((1, 2)), [[1.0, 0]], [[0.0, 0]], {"users": np.array([1])}),
    ],
)
def test_input_that_cannot_be_ranked_is_refused(
    message: str, scores: AnyArray, relevant: list[list[float]], seen: list[list[float]], options: dict[str, Any]
) -> None:
    """Each kind of wrong input is an InputError that names it."""
    with pytest.raises(InputError, match=message):
        rank_relevant(matrix_scorer(scores), csr_array(relevant), csr_array(seen), **options)


def test_dense_relevant_and_mismatched_embeddings_are_refused() -> None:
    """A dense table of relevant items, or embeddings of two widths, are InputErrors."""
    with pytest.raises(InputError, match=r"scipy\.sparse"):
        rank_relevant(matrix_scorer(np.zeros((1, 2), dtype=np.float32)), np.ones((1, 2)), None)
    with pytest.raises(InputError, match="same width"):
        factor_scorer(np.ones((2, 3), dtype=np.float32), np.ones((2, 4), dtype=np.float32))


def test_importing_evaluation_compiles_nothing() -> None:
    """Recommending imports this package, and must not wait for numba or torch."""
    program = "import sys, llminit.evaluation; sys.exit('numba' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
