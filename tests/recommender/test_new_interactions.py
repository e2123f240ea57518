"""Interactions that come after the fit."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldable import KINDS, N_ITEMS, N_USERS, WordEncoder, foldable, new_items
from llminit import Recommender
from llminit.errors import DataError, UnknownIdError
from llminit.models.serving import DotProduct
from llminit.recommender.new_interactions import add_interactions
from noted import Noted

WORDS = WordEncoder()
PAIRS = st.lists(st.tuples(st.integers(0, N_USERS + 3), st.integers(10, 9 + N_ITEMS)), min_size=1, max_size=12)


def table(pairs: list[tuple[Any, Any]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, ["user_id", "item_id"], orient="row")


def histories(recommender: Recommender) -> dict[Any, set[Any]]:
    return {user: set(recommender.user_history(user)["item_id"]) for user in recommender.users.ids}


@pytest.mark.parametrize("kind", KINDS)
@given(pairs=PAIRS)
@settings(max_examples=15, deadline=None)
def test_what_users_have(kind: str, pairs: list[tuple[int, int]]) -> None:
    """Histories grow by the new items, which are not recommended again; new users follow the known ones."""
    old = foldable(kind)
    before = histories(old)
    new, counts = add_interactions(old, table(pairs))
    expected = {user: set(items) for user, items in before.items()}
    for user, item in pairs:
        expected.setdefault(user, set()).add(item)
    assert histories(new) == expected
    assert histories(old) == before
    assert new.users.ids.to_list()[:N_USERS] == old.users.ids.to_list()
    n_new = sum(map(len, expected.values())) - sum(map(len, before.values()))
    assert (counts.n_interactions, counts.n_known) == (n_new, len(pairs) - n_new)
    assert counts.n_users == len(expected) - N_USERS
    assert (0 if new.pending is None else new.pending.nnz) == n_new
    lists = new.recommend(k=99)
    for user, items in expected.items():
        assert not items & set(lists.filter(pl.col("user_id") == user)["item_id"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_user_is_their_history(kind: str) -> None:
    """A user who comes with a history gets what the history gets."""
    recommender = foldable(kind)
    new = recommender.add_interactions(table([(50, 10), (50, 14), (50, 10)]))
    found, expected = new.recommend([50], 5).drop("user_id"), new.recommend_for_history([14, 10], 5)
    assert found.drop("score").equals(expected.drop("score"))
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-5, atol=1e-6)


def test_known_users_move_by_what_is_new() -> None:
    """A known user keeps what was learned, and moves by the change of the map's vector; nobody else moves."""
    old = foldable()
    new = old.add_interactions(table([(2, 18), (2, 19)]))
    assert isinstance(old.model, DotProduct)
    assert isinstance(new.model, DotProduct)
    assert old.fold_in is not None
    user_map = old.fold_in.users[0]
    assert user_map is not None
    change = user_map.vectors(new.seen[[2]], old.model.items) - user_map.vectors(old.seen[[2]], old.model.items)
    np.testing.assert_allclose(new.model.users[2], (old.model.users[2] + change[0]), rtol=1e-5, atol=1e-6)
    others = np.arange(N_USERS) != 2
    np.testing.assert_array_equal(new.model.users[others], old.model.users[others])


@pytest.mark.parametrize("kind", KINDS)
def test_in_parts_or_at_once(kind: str) -> None:
    """Interactions that come one after the other give what they give together."""
    pairs = [(50, 10), (3, 19), (50, 15), (51, 11), (3, 20)]
    parts = foldable(kind)
    for pair in pairs:
        parts = parts.add_interactions(table([pair]))
    together = foldable(kind).add_interactions(table(pairs))
    one, other = parts.recommend(k=99), together.recommend(k=99)
    assert one.drop("score").equals(other.drop("score"))
    np.testing.assert_allclose(one["score"], other["score"], rtol=1e-4, atol=1e-5)


def test_interactions_with_added_and_removed_items() -> None:
    """Added items can be had; so can removed ones, which stay in no list."""
    recommender = foldable().add_items(new_items("x", "y"), encoder=WORDS).remove_items([101])
    new = recommender.add_interactions(table([(50, 100), (50, 101)]))
    assert histories(new)[50] == {100, 101}
    assert 101 not in set(new.recommend([1], 99)["item_id"])
    assert new.add_items(new_items("z", first=102), encoder=WORDS).pending is not None


def test_what_is_known_is_counted() -> None:
    """Repeated interactions and those that the recommender knew are counted, and said."""
    noted = Noted()
    foldable().add_interactions(table([(0, 10), (0, 10), (1, 21)]), reporter=noted)
    assert noted.messages == ["2 of 3 interactions were known already"]


def test_ratings_below_the_minimum() -> None:
    """What the fit's minimum rating would have left out is left out here too, and said."""
    from dataclasses import replace

    noted = Noted()
    recommender = replace(foldable(), report={"config": {"min_rating": 4.0}})
    rated = table([(50, 10), (51, 11), (52, 12)]).with_columns(rating=pl.Series([3.0, 5.0, None]))
    new = recommender.add_interactions(rated, reporter=noted)
    assert new.users.ids.to_list()[N_USERS:] == [51]
    assert noted.messages == ["2 of 3 interactions are below the minimum rating of the fit"]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (table([(0, 999)]), UnknownIdError, "unknown item id 999"),
        (table([(0, 998), (0, 999)]), UnknownIdError, "2 of 2 items are not in the data, such as 998, 999"),
        (table([("ada", 10)]), DataError, "user ids cannot stand beside the known ones, such as 'ada'"),
        (table([(None, 10), (1, 10)]), DataError, "missing ids"),
        (pl.DataFrame({"user_id": [1]}), DataError, "item_id"),
        (table([])[:0], DataError, "no rows"),
    ],
)
def test_tables_that_cannot_be_used(rows: pl.DataFrame, error: type[Exception], message: str) -> None:
    """Unknown items are named, ids of another kind refused; nothing is half done."""
    with pytest.raises(error, match=message):
        foldable().add_interactions(rows)


@pytest.mark.parametrize("seed", range(3))
def test_pandas_and_text_ids(seed: int) -> None:
    """Tables of other libraries, and numbers written as text, are the same interactions."""
    rows = table([(50, 10), (seed, 19)])
    expected = foldable(seed=seed).add_interactions(rows).recommend(k=9)
    assert foldable(seed=seed).add_interactions(rows.to_pandas()).recommend(k=9).equals(expected)
    assert foldable(seed=seed).add_interactions(rows.cast(pl.String)).recommend(k=9).equals(expected)
