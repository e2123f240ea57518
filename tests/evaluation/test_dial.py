"""Warm and cold items at each value of a dial."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.evaluation import matrix_scorer, mean_metric, rank_relevant, top_k
from llminit.evaluation.dial import LIST_LENGTH, measure_dial

DIALS = (0.3, 1.0, 2.5)


def matrix(dense: AnyArray) -> csr_array:
    return csr_array(dense.astype(np.float32))


def drawn(seed: int, n_users: int, n_warm: int, n_cold: int) -> tuple[FloatArray, csr_array, csr_array, csr_array]:
    """Return scores without ties, and what is wanted and seen."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_users, n_warm + n_cold)).astype(np.float32)
    kind = rng.random((n_users, n_warm))
    test, seen, cold = kind < 0.2, kind > 0.7, rng.random((n_users, n_cold)) < 0.3
    test[0, 0] = cold[0, 0] = True
    seen[0, 0] = False
    return scores, matrix(test), matrix(cold), matrix(seen)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 40), st.integers(1, 15))
def test_it_is_the_full_ranking_at_every_value(seed: int, n_users: int, n_warm: int, n_cold: int) -> None:
    """Ranking all items anew, with cold scores multiplied, gives the same recall, ndcg, losses and lists."""
    scores, test, cold, seen = drawn(seed, n_users, n_warm, n_cold)
    measured = measure_dial(matrix_scorer(scores), test, cold, seen, dials=DIALS, ks=(3,))
    base = rank_relevant(matrix_scorer(np.ascontiguousarray(scores[:, :n_warm])), test, seen)
    among = rank_relevant(matrix_scorer(np.ascontiguousarray(scores[:, n_warm:])), cold, None)
    nobody = csr_array((n_users, n_cold), dtype=np.float32)
    for name in ("recall@3", "ndcg@3", "recall@10", "ndcg@10"):
        assert measured["warm"][name] == pytest.approx(mean_metric(base, name))
        assert measured["among_cold"][name] == pytest.approx(mean_metric(among, name))
    for dial, row in zip(DIALS, measured["rows"], strict=True):
        moved = scores * np.where(np.arange(n_warm + n_cold) < n_warm, 1, np.float32(dial)).astype(np.float32)
        all_seen = matrix(np.hstack([seen.toarray(), nobody.toarray()]))
        warm = rank_relevant(matrix_scorer(moved), matrix(np.hstack([test.toarray(), nobody.toarray()])), all_seen)
        wanted = np.hstack([np.zeros((n_users, n_warm)), cold.toarray()])
        ranks = rank_relevant(matrix_scorer(moved), matrix(wanted), all_seen)
        assert row["dial"] == dial
        for name in ("recall@3", "ndcg@3", "recall@10", "ndcg@10"):
            assert row[name] == pytest.approx(mean_metric(ranks, name))
        for name, metric in (("warm_loss", "recall@10"), ("warm_loss_ndcg@10", "ndcg@10")):
            before = mean_metric(base, metric)
            assert row[name] == pytest.approx(1 - mean_metric(warm, metric) / before if before else 0.0)
        users = np.flatnonzero((np.diff(test.indptr) > 0) | (np.diff(cold.indptr) > 0))
        lists, _ = top_k(matrix_scorer(moved), users, LIST_LENGTH, all_seen)
        counts = np.bincount(lists[lists >= n_warm] - n_warm, minlength=n_cold)
        assert row["share_of_lists"] == pytest.approx(counts.sum() / (len(users) * LIST_LENGTH))
        assert row["most_shown"] == pytest.approx(counts.max() / len(users))
        assert row["coverage"] == pytest.approx((counts > 0).mean())


def test_ties_earn_nothing() -> None:
    """Where all cold items have one score, or all items have, what is wanted comes after what is not."""
    n_users, n_warm, n_cold = 4, 30, 12
    test, cold = np.zeros((n_users, n_warm)), np.zeros((n_users, n_cold))
    test[:, 3] = cold[:, 5] = 1
    seen = np.zeros((n_users, n_warm))
    scores = np.zeros((n_users, n_warm + n_cold), dtype=np.float32)
    scores[:, :n_warm] = -np.arange(n_warm)
    measured = measure_dial(matrix_scorer(scores), matrix(test), matrix(cold), matrix(seen), dials=(1.0,), ks=(20,))
    # One warm item is as good as the cold ones, and counts against them.
    assert measured["rows"][0]["recall@10"] == 0
    assert measured["rows"][0]["recall@20"] == 1
    assert measured["among_cold"]["recall@10"] == 0
    assert measured["warm"]["recall@10"] == 1
    assert measured["rows"][0]["warm_loss"] == 1


def test_equal_wanted_items_are_ranked_in_their_order() -> None:
    """Two wanted items with one score take two places, as in the full ranking."""
    scores = np.ones((1, 5), dtype=np.float32)
    test, cold = matrix(np.array([[1, 1, 0]])), matrix(np.array([[1, 1]]))
    seen = csr_array((1, 3), dtype=np.float32)
    measured = measure_dial(matrix_scorer(scores), test, cold, seen, dials=(1.0,), ks=(1,))
    assert measured["warm"]["recall@1"] == 0
    assert measured["among_cold"]["recall@1"] == 0.5
    ranks = rank_relevant(matrix_scorer(scores[:, :3].copy()), test, seen)
    assert measured["warm"]["ndcg@10"] == mean_metric(ranks, "ndcg@10")


def test_nothing_to_measure() -> None:
    """Without wanted items there are no metrics, and nothing fails."""
    nothing = csr_array((3, 4), dtype=np.float32)
    measured = measure_dial(matrix_scorer(np.zeros((3, 8), np.float32)), nothing, nothing, nothing, dials=(1.0,))
    assert measured["warm"] == {}
    assert measured["rows"][0]["share_of_lists"] == 0.0
