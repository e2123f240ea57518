"""The k best items."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_ranking import slow_top_k
from strategies_ranking import Problem, problems

from llminit.errors import InputError
from llminit.evaluation.ranking import matrix_scorer, top_k
from llminit.evaluation.top_items import best_items


@settings(max_examples=50, deadline=None)
@given(problem=problems, k=st.integers(1, 15), block_size=st.sampled_from([None, 1, 3]), mask=st.booleans())
def test_top_k_is_the_head_of_a_full_sort(problem: Problem, k: int, block_size: int | None, mask: bool) -> None:
    """Items and scores equal a full sort's with ties by item code, padded with -1 and -inf."""
    users = np.arange(len(problem.scores))[::-1]
    seen = problem.matrices()[1] if mask else None
    items, scores = top_k(matrix_scorer(problem.scores), users, k, seen, block_size=block_size)
    for row, user in enumerate(users):
        expected = slow_top_k(problem.scores[user], k, problem.sets(user)[1] if mask else set())
        assert items[row].tolist() == expected
        expected_scores = [problem.scores[user][item] if item >= 0 else -np.inf for item in expected]
        assert scores[row].tolist() == expected_scores
    assert items.dtype == np.int64
    assert scores.dtype == np.float32


def test_many_items_and_negative_scores_sort_correctly() -> None:
    """The integer keys keep the order of ordinary floats of both signs and of every size."""
    rng = np.random.default_rng(5)
    scores = (rng.normal(size=(3, 5000)) * 10.0 ** rng.integers(-30, 30, (3, 5000))).astype(np.float32)
    items, best = top_k(matrix_scorer(scores), np.arange(3), 50)
    assert np.array_equal(items, np.argsort(-scores, axis=1, kind="stable")[:, :50])
    assert np.array_equal(best, -np.sort(-scores, axis=1)[:, :50])


@pytest.mark.parametrize("n_items", [100, 64 * 40, 64 * 41 + 3, 20_000])
@pytest.mark.parametrize("kind", ["distinct", "ties", "few candidates", "half masked", "descending"])
def test_the_best_of_many_items_are_the_head_of_a_full_sort(n_items: int, kind: str) -> None:
    """Whether or not whole groups of items are left out unseen: with ties, and with most or half of all masked."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(2, n_items)).astype(np.float32)
    if kind == "ties":
        scores = (np.round(scores * 2) / 2).astype(np.float32)
    elif kind == "few candidates":
        scores[:, rng.random(n_items) < 0.999] = -np.inf
    elif kind == "half masked":
        scores[:, : n_items // 2] = -np.inf
    elif kind == "descending":
        scores = -np.sort(-scores, axis=1)
    for k in (1, 10, 100):
        items, best = best_items(scores, k)
        for row, values in enumerate(scores):
            expected = np.lexsort((np.arange(n_items), -values))[:k]
            expected = expected[values[expected] > -np.inf]
            assert items[row].tolist() == [*expected.tolist(), *[-1] * (k - len(expected))]
            assert best[row, : len(expected)].tolist() == values[expected].tolist()


def test_no_users_give_no_rows() -> None:
    """An empty list of users gives empty arrays."""
    items, scores = top_k(matrix_scorer(np.zeros((2, 3), dtype=np.float32)), np.array([], dtype=np.int64), 4)
    assert items.shape == scores.shape == (0, 4)


@pytest.mark.parametrize(
    ("message", "scores", "k", "options"),
    [("k=0", [[1.0]], 0, {}), ("NaN", [[np.nan]], 1, {}), ("block_size=0", [[1.0]], 1, {"block_size": 0})],
)
def test_wrong_requests_are_refused(message: str, scores: list[list[float]], k: int, options: dict[str, Any]) -> None:
    """A k or block size below 1 and NaN scores are InputErrors."""
    with pytest.raises(InputError, match=message):
        top_k(matrix_scorer(np.array(scores, dtype=np.float32)), np.array([0]), k, **options)
