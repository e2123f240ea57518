"""Ranks with their items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_ranking import slow_ranks
from strategies_ranking import Problem, make_problem, problems

from llminit.arrays import FloatArray
from llminit.errors import InputError
from llminit.evaluation.ranking import RelevantRanks, matrix_scorer, rank_both, rank_relevant


def slow_items(scores: FloatArray, relevant: set[int]) -> list[int]:
    """The relevant items from best to worst; of equal scores, the lower code first."""
    return sorted(relevant, key=lambda item: (-scores[item], item))


@settings(max_examples=50, deadline=None)
@given(problem=problems, block_size=st.sampled_from([None, 1, 2]))
def test_each_rank_keeps_its_item(problem: Problem, block_size: int | None) -> None:
    """Items are in the order of their ranks, under both protocols, with ties and any block size."""
    relevant, seen = problem.matrices()
    for ranks in rank_both(matrix_scorer(problem.scores), relevant, seen, block_size=block_size):
        for user, start, stop in zip(ranks.users, ranks.indptr, ranks.indptr[1:], strict=False):
            expected = slow_items(problem.scores[user], problem.sets(user)[0])
            assert ranks.items[start:stop].tolist() == expected


def test_a_rank_is_that_of_its_item_alone() -> None:
    """Without ties, the rank of each item is 1 + the number of candidates that score higher."""
    rng = np.random.default_rng(0)
    problem = make_problem(5)
    scores = rng.permuted(np.tile(np.arange(9, dtype=np.float32), (7, 1)), axis=1)
    masked = rank_relevant(matrix_scorer(scores), *problem.matrices())
    for user, item, rank in zip(*masked.rows(), strict=True):
        candidates = scores[user][~problem.seen[user]]
        assert rank == 1 + (candidates > scores[user, item]).sum()


@settings(max_examples=30, deadline=None)
@given(problem=problems, seed=st.integers(0, 100))
def test_rows_in_any_order_give_the_same_ranks_back(problem: Problem, seed: int) -> None:
    """Writing rows and reading them shuffled restores users, bounds, ranks and items."""
    relevant, seen = problem.matrices()
    ranks = rank_relevant(matrix_scorer(problem.scores), relevant, seen)
    users, items, values = ranks.rows()
    assert sorted(zip(users, items, strict=True)) == list(zip(users, items, strict=True))
    order = np.random.default_rng(seed).permutation(len(users))
    again = RelevantRanks.from_rows(users[order].astype(np.int32), items[order], values[order].astype(np.uint16))
    for name in ("users", "indptr", "ranks", "items"):
        assert np.array_equal(getattr(again, name), getattr(ranks, name))
        assert getattr(again, name).dtype == np.int64


def test_equal_ranks_are_in_the_order_of_their_items() -> None:
    """Ranks that were cut off at one value, as stored ones are, do not depend on the order of the rows."""
    users, items = np.array([0, 0, 0]), np.array([4, 2, 9])
    ranks = RelevantRanks.from_rows(users, items, np.array([1001, 1001, 5]))
    assert ranks.items.tolist() == [9, 2, 4]
    assert ranks.ranks.tolist() == [5, 1001, 1001]


def test_rows_of_two_scorers_align() -> None:
    """Two models' rows of the same test items have equal users and items, so their ranks can be paired."""
    problem, other = make_problem(1), make_problem(2)
    relevant, seen = problem.matrices()
    first = rank_relevant(matrix_scorer(problem.scores), relevant, seen).rows()
    second = rank_relevant(matrix_scorer(other.scores), relevant, seen).rows()
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    expected = slow_ranks(problem.scores[first[0][0]], *problem.sets(first[0][0]))
    assert sorted(first[2][first[0] == first[0][0]]) == expected


def test_rows_that_cannot_be_ranks_are_refused() -> None:
    """Columns of different lengths, a rank of 0, and ranks that have lost their items are InputErrors."""
    one = np.array([1])
    with pytest.raises(InputError, match="2 users, 1 items and 1 ranks"):
        RelevantRanks.from_rows(np.array([1, 2]), one, one)
    with pytest.raises(InputError, match="the lowest 0"):
        RelevantRanks.from_rows(one, one, np.array([0]))
    with pytest.raises(InputError, match="lost their items"):
        RelevantRanks(one, np.array([0, 1]), one).rows()
