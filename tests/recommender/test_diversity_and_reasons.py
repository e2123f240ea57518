"""Lists of items that are unlike each other, and why an item is recommended."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldable import KINDS, N_ITEMS, WordEncoder, foldable, new_items
from llminit.errors import ConfigError, UnknownIdError
from llminit.models.serving import ItemModel
from oracles import slow_marginal_relevance

WORDS = WordEncoder()


@given(seed=st.integers(0, 10**6), k=st.integers(1, 12), diversity=st.floats(0.01, 1))
@settings(max_examples=40, deadline=None)
def test_lists_are_maximal_marginal_relevance(seed: int, k: int, diversity: float) -> None:
    """Item by item, the list is that of a plain loop over all items; each keeps its own score."""
    recommender = foldable(seed=seed)
    plain = recommender.recommend(k=99)
    found = recommender.recommend(k=k, diversity=diversity)
    for user in recommender.users.ids:
        own = plain.filter(pl.col("user_id") == user)
        scores = dict(zip(own["item_id"], own["score"], strict=True))
        vectors = {item: recommender.directions[item - 10] for item in scores}
        mine = found.filter(pl.col("user_id") == user)
        assert mine["item_id"].to_list() == slow_marginal_relevance(scores, vectors, k, diversity)
        np.testing.assert_allclose(mine["score"], [scores[item] for item in mine["item_id"]], rtol=1e-5)
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_of_the_dial(kind: str) -> None:
    """At 0 lists are those by score; always the best item stays first, and a longer list begins with a shorter."""
    recommender = foldable(kind)
    assert recommender.recommend(k=5, diversity=0.0).equals(recommender.recommend(k=5))
    for diversity in (0.3, 1.0):
        long = recommender.recommend(k=6, diversity=diversity)
        assert long.filter(pl.col("rank") <= 2).equals(recommender.recommend(k=2, diversity=diversity))
        first = recommender.recommend(k=1)
        assert long.filter(pl.col("rank") == 1).equals(first)
    assert recommender.recommend_for_history([10], 3, diversity=0.5).height == 3
    assert recommender.recommend_for_text("x", 3, diversity=0.5, encoder=WORDS).height == 3


@pytest.mark.parametrize("diversity", [-0.1, 1.1, float("nan"), "0.5", True, None])
def test_values_that_are_no_dial(diversity: Any) -> None:
    """Only numbers from 0 to 1 are; the message says so."""
    for call in (foldable().recommend, lambda **dial: foldable().recommend_for_history([10], **dial)):
        with pytest.raises(ConfigError, match=r"diversity=.* expected a number from 0 to 1"):
            call(diversity=diversity)


def test_a_list_is_less_alike_with_the_dial_up() -> None:
    """The mean cosine within lists falls from 0 to 1."""

    def likeness(diversity: float) -> float:
        lists = foldable(n_items=60).recommend(k=6, diversity=diversity)
        directions = foldable(n_items=60).directions
        total = 0.0
        for user in range(7):
            rows = directions[lists.filter(pl.col("user_id") == user)["item_id"].to_numpy() - 10]
            total += float((rows @ rows.T).mean())
        return total

    assert likeness(1.0) < likeness(0.5) < likeness(0.0)


def test_reasons_of_an_item_model() -> None:
    """The share of an item of the history is its weight among the positive ones, largest first; no item is its own."""
    recommender = foldable("items")
    assert isinstance(recommender.model, ItemModel)
    weights = recommender.model.pairs[0][0]
    history = [10, 11, 12, 15]
    found = recommender.reasons([13, 12], history=history, n=3)
    for item in (13, 12):
        adds = {other: float(weights[other - 10, item - 10]) for other in history if other != item}
        positive = {other: value for other, value in adds.items() if value > 0}
        expected = sorted(positive, key=lambda other: -positive[other])[:3]
        mine = found.filter(pl.col("item_id") == item)
        assert mine["because_id"].to_list() == expected
        total = sum(positive.values())
        np.testing.assert_allclose(mine["share"], [positive[other] / total for other in expected], rtol=1e-5)
    assert found.columns == ["item_id", "because_id", "share", "title", "because_title"]


@pytest.mark.parametrize("kind", KINDS)
def test_reasons_are_of_the_history(kind: str) -> None:
    """In every model the reasons are items of the history, and their shares add up to 1 at most; all of them to 1."""
    recommender = foldable(kind).add_items(new_items("x"), encoder=WORDS)
    history = [11, 14, 100]
    found = recommender.reasons(list(range(20, 10 + N_ITEMS)), history=[*history, 11], n=2)
    assert set(found["because_id"]) <= set(history)
    assert (found["share"] > 0).all()
    every = recommender.reasons(found["item_id"].unique(), history=history, n=99)
    np.testing.assert_allclose(every.group_by("item_id").agg(pl.sum("share"))["share"], 1, rtol=1e-5)
    own = recommender.user_history(2)["item_id"]
    assert recommender.reasons([20], user_id=2).equals(recommender.reasons([20], history=own))
    assert recommender.reasons([20], history=[]).is_empty()


def test_reasons_of_embeddings_follow_the_score() -> None:
    """For a history's list, what speaks for an item is the cosine part of its score: one item says all of itself."""
    recommender = foldable()
    found = recommender.recommend_for_history([10], 3)
    reasons = recommender.reasons(found.filter(pl.col("score") > 0)["item_id"], history=[10])
    assert (reasons["share"] == 1).all()
    assert reasons["item_id"].to_list() == found.filter(pl.col("score") > 0)["item_id"].to_list()


def test_bad_requests_for_reasons() -> None:
    """Neither or both of user and history, unknown ids and a bad n are refused."""
    recommender = foldable()
    wrongs: list[dict[str, Any]] = [{}, {"user_id": 1, "history": [10]}]
    for wrong in wrongs:
        with pytest.raises(ConfigError, match="give one of user_id and history"):
            recommender.reasons([10], **wrong)
    with pytest.raises(UnknownIdError, match="99"):
        recommender.reasons([99], user_id=1)
    with pytest.raises(UnknownIdError, match="unknown user id 77"):
        recommender.reasons([10], user_id=77)
    with pytest.raises(ConfigError, match="k=0"):
        recommender.reasons([10], user_id=1, n=0)
