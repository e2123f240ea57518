"""Metrics by group."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_groups import slow_bin, slow_grouped, slow_third
from scipy.sparse import csr_array
from strategies_ranking import Problem, problems

from llminit.arrays import BoolArray
from llminit.errors import ConfigError, InputError
from llminit.evaluation.groups import COUNT_BINS, THIRDS, grouped_metrics, item_groups, user_groups
from llminit.evaluation.metrics import mean_metrics
from llminit.evaluation.ranking import RelevantRanks, matrix_scorer, rank_both, rank_relevant

count_lists = st.lists(st.integers(0, 14), min_size=1, max_size=30)


def names_of(groups: dict[str, BoolArray], index: int) -> set[str]:
    return {name for name, mask in groups.items() if mask[index]}


@settings(max_examples=50, deadline=None)
@given(counts=count_lists)
def test_every_user_and_item_is_in_one_bin_and_one_third(counts: list[int]) -> None:
    """Bins and thirds equal the slow versions, for users and items alike, so equal counts are in the same group."""
    by_user, by_item = user_groups(np.array(counts)), item_groups(np.array(counts))
    for index, count in enumerate(counts):
        bin_name, third = slow_bin(count), slow_third(counts, count)
        assert names_of(by_user, index) == {f"user_degree={bin_name}", f"user_degree={third}"}
        assert names_of(by_item, index) == {f"item_popularity={bin_name}", f"item_popularity={third}"}


def test_groups_are_in_order_and_bin_0_is_optional() -> None:
    """The four bins and three thirds are always there; "0" comes first if a user has no interaction."""
    names = [f"user_degree={name}" for name in (*COUNT_BINS, *THIRDS)]
    assert list(user_groups(np.array([3, 1]))) == names
    assert list(user_groups(np.array([3, 0]))) == ["user_degree=0", *names]


def test_thirds_hold_about_a_third_of_the_interactions() -> None:
    """On a long tail of distinct counts each third is within one item of a third of the interactions."""
    popularity = np.sort(np.random.default_rng(0).permutation(1000)[:400])
    groups = item_groups(popularity)
    for third in THIRDS:
        held = popularity[groups[f"item_popularity={third}"]].sum()
        assert abs(held - popularity.sum() / 3) <= popularity.max()
    assert groups["item_popularity=head"][-1]
    assert groups["item_popularity=tail"][0]
    sizes = [groups[f"item_popularity={third}"].sum() for third in THIRDS]
    assert sizes == sorted(sizes)


def test_equal_counts_are_all_mid() -> None:
    """If all degrees are equal there is neither a head nor a tail."""
    groups = user_groups(np.full(9, 4))
    assert groups["user_degree=mid"].all()
    assert not groups["user_degree=head"].any()


@settings(max_examples=20, deadline=None)
@given(problem=problems, seed=st.integers(0, 2**32 - 1))
def test_grouped_metrics_agree_with_a_walk_over_rows(problem: Problem, seed: int) -> None:
    """Every group, metric, k, n and value equals the slow version's, under both protocols, and no other row appears."""
    rng = np.random.default_rng(seed)
    degrees, popularity = (rng.integers(0, 14, size=(size,)) for size in problem.scores.shape)
    relevant, seen = problem.matrices()
    names = ("ndcg", "map", "hit")
    for ranks in rank_both(matrix_scorer(problem.scores), relevant, seen):
        if len(ranks) == 0:
            continue
        found = grouped_metrics(ranks, ranks.items, degrees, popularity, (1, 3), names)
        rows = [(int(user), int(item), int(rank)) for user, item, rank in zip(*ranks.rows(), strict=True)]
        expected = slow_grouped(rows, degrees, popularity, (1, 3), names)
        values: dict[Any, Any] = {row[:3]: (row.n, pytest.approx(row.value)) for row in found}
        assert values == expected
        assert len(found) == len(expected)
        assert found[0].group == "all"


def test_all_equals_the_mean_metrics_exactly() -> None:
    """The rows of "all" are the same numbers as without groups, to the last bit."""
    rng = np.random.default_rng(1)
    relevant = csr_array(rng.random((40, 30)) < 0.1)
    ranks = rank_relevant(matrix_scorer(rng.random((40, 30)).astype(np.float32)), relevant, None)
    found = grouped_metrics(ranks, ranks.items, np.full(40, 3), np.full(30, 4), (5, 10), ("recall", "ndcg"))
    everyone = {f"{row.metric}@{row.k}": row.value for row in found if row.group == "all"}
    assert everyone == mean_metrics(ranks, (5, 10), ("recall", "ndcg"))


def test_a_hit_counts_for_the_item_that_was_hit() -> None:
    """One user has a popular item at rank 1 and a rare one at rank 9: the popular group gets 1, the rare group 0."""
    ranks = RelevantRanks.from_rows(np.array([0, 0]), np.array([1, 0]), np.array([1, 9]))
    rows = grouped_metrics(ranks, ranks.items, np.array([6]), np.array([1, 20]), (5,), ("recall",))
    values = {row.group: row.value for row in rows}
    assert values["item_popularity=10+"] == 1
    assert values["item_popularity=1"] == 0
    assert values["user_degree=5-9"] == values["all"] == 0.5


def test_invalid_counts_and_codes_are_refused() -> None:
    """Negative or fractional counts, codes without a count, lost items and unknown metrics are named."""
    ranks = RelevantRanks.from_rows(np.array([2]), np.array([3]), np.array([1]))
    three, four = np.array([1, 1, 1]), np.array([1, 1, 1, 1])
    with pytest.raises(InputError, match="user degrees: found int64"):
        user_groups(np.array([1, -1]))
    with pytest.raises(InputError, match="item popularity: found float64"):
        item_groups(np.array([1.5]))
    with pytest.raises(InputError, match="user codes from 2 to 2 for 2 counts"):
        grouped_metrics(ranks, ranks.items, three[:2], four)
    with pytest.raises(InputError, match="item codes from 3 to 3 for 3 counts"):
        grouped_metrics(ranks, ranks.items, three, four[:3])
    with pytest.raises(InputError, match="0 relevant items for 1 ranks"):
        grouped_metrics(ranks, np.array([], dtype=np.int64), three, four)
    with pytest.raises(ConfigError, match="unknown metric 'auc@10'"):
        grouped_metrics(ranks, ranks.items, three, four, (10,), ("auc",))
