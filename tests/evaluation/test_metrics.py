"""Metrics from ranks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_ranking import SLOW_METRICS
from scipy.sparse import csr_array
from strategies_ranking import Problem, problems

from llminit.errors import ConfigError, InputError
from llminit.evaluation.metrics import METRICS, mean_metric, mean_metrics, parse_metric, per_user
from llminit.evaluation.ranking import RelevantRanks, matrix_scorer, rank_relevant


def from_lists(*ranks: list[int]) -> RelevantRanks:
    indptr = np.cumsum([0, *map(len, ranks)])
    return RelevantRanks(
        np.arange(len(ranks)), indptr, np.array([rank for user in ranks for rank in user], dtype=np.int64)
    )


rank_lists = st.lists(st.sets(st.integers(1, 30), min_size=1, max_size=12).map(sorted), min_size=1, max_size=6)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=50, deadline=None)
@given(ranks=rank_lists, k=st.integers(1, 25))
def test_each_metric_agrees_with_its_slow_version(name: str, ranks: list[list[int]], k: int) -> None:
    """Every metric equals a walk down each user's list."""
    values = per_user(from_lists(*ranks), f"{name}@{k}")
    assert values.dtype == np.float64
    assert values == pytest.approx([SLOW_METRICS[name](user, k) for user in ranks])


def test_hand_computed_example() -> None:
    """Relevant items at ranks 1, 3 and 11 with k = 10, computed by hand."""
    values = mean_metrics(from_lists([1, 3, 11]), ks=(10,))
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert values == pytest.approx(
        {
            "recall@10": 2 / 3,
            "ndcg@10": (1 + 1 / 2) / ideal,
            "mrr@10": 1,
            "hit@10": 1,
            "precision@10": 0.2,
            "map@10": (1 + 2 / 3) / 3,
        }
    )


def test_with_more_than_k_relevant_items_a_full_list_is_perfect() -> None:
    """Both ndcg and map divide by what min(n_relevant, k) items can reach, as RecBole does."""
    ranks = from_lists([1, 2, 3, 4])
    assert mean_metric(ranks, "ndcg@2") == mean_metric(ranks, "map@2") == mean_metric(ranks, "precision@2") == 1
    assert mean_metric(ranks, "recall@2") == 0.5


@settings(max_examples=30, deadline=None)
@given(problem=problems)
def test_a_constant_score_earns_nothing(problem: Problem) -> None:
    """Where k is below the number of candidates that are not relevant, equal scores earn 0 under every metric."""
    relevant, seen = problem.matrices()
    ranks = rank_relevant(matrix_scorer(np.zeros_like(problem.scores)), relevant, seen)
    others = (~problem.relevant & ~problem.seen).sum(axis=1)[ranks.users]
    for k in range(1, problem.scores.shape[1] + 1):
        for name in METRICS:
            assert not per_user(ranks, f"{name}@{k}")[others >= k].any()


@settings(max_examples=30, deadline=None)
@given(problem=problems)
def test_perfect_scores_earn_one(problem: Problem) -> None:
    """Relevant items above all others earn 1 in recall, ndcg, map, mrr and hit where k holds them all."""
    relevant, seen = problem.matrices()
    ranks = rank_relevant(matrix_scorer(problem.relevant.astype(np.float32)), relevant, seen)
    k = problem.scores.shape[1]
    for name in ("recall", "ndcg", "map", "mrr", "hit"):
        assert per_user(ranks, f"{name}@{k}") == pytest.approx(np.ones(len(ranks)))


def test_ndcg_agrees_with_scikit_learn() -> None:
    """Without ties, ndcg equals scikit-learn's where it may be imported."""
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(40, dtype=np.float32), (20, 1)), axis=1)
    relevant = rng.random((20, 40)) < 0.2
    relevant[:, 0] = True
    ranks = rank_relevant(matrix_scorer(scores), csr_array(relevant), None)
    assert mean_metric(ranks, "ndcg@10") == pytest.approx(sklearn.ndcg_score(relevant, scores, k=10))


def test_metric_names_are_parsed() -> None:
    """A name is split at the @, in any case."""
    assert parse_metric("NDCG@10") == ("ndcg", 10)


@pytest.mark.parametrize(
    "name", ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@1.5", "auc@10", "@10", "ndcg@10@2", "ndcg@²"]
)
def test_unknown_metrics_are_refused(name: str) -> None:
    """Anything but name@k is a ConfigError that lists the names."""
    with pytest.raises(ConfigError, match="recall, ndcg, mrr, hit, precision, map"):
        parse_metric(name)


def test_the_mean_of_no_users_is_an_error_not_nan() -> None:
    """The mean over no users is an error; the values of no users are an empty array."""
    no_users = from_lists()
    for name in METRICS:
        assert per_user(no_users, f"{name}@5").shape == (0,)
    with pytest.raises(InputError, match="no user has a relevant item"):
        mean_metrics(no_users)
