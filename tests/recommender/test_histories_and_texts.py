"""Lists for those whom a recommender does not know: from a history, or from a text."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldable import KINDS, N_ITEMS, WordEncoder, foldable, new_items, title
from llminit import Recommender
from llminit.errors import ConfigError, DataError, UnknownIdError
from llminit.models.serving import DotProduct
from noted import Noted

WORDS = WordEncoder()


def slow_scores(recommender: Recommender, history: list[int]) -> Any:
    """Score one history in plain Python, for a model of embeddings."""
    assert isinstance(recommender.model, DotProduct)
    users, items = recommender.model.users, recommender.model.items
    distinct = sorted({recommender.items.code_of(item) for item in history})
    if not distinct:
        return items @ users.mean(axis=0)
    mean = sum(items[code] / np.linalg.norm(items[code]) for code in distinct) / len(distinct)
    length = np.median([np.linalg.norm(user) for user in users])
    return items @ (mean / np.linalg.norm(mean) * length)


@given(history=st.lists(st.integers(10, 9 + N_ITEMS), max_size=8), k=st.integers(1, 15), include=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_history_is_scored_as_written(history: list[int], k: int, include: bool) -> None:
    """The user is the mean of the distinct items at length 1, as long as users are; an empty history the mean user."""
    recommender = foldable()
    found = recommender.recommend_for_history(history, k, exclude_seen=not include)
    scores = slow_scores(recommender, history)
    seen = set() if include else {item - 10 for item in history}
    order = sorted((code for code in range(N_ITEMS) if code not in seen), key=lambda code: -scores[code])[:k]
    assert found["item_id"].to_list() == [code + 10 for code in order]
    np.testing.assert_allclose(found["score"], [scores[code] for code in order], rtol=1e-4, atol=1e-6)
    assert found["rank"].to_list() == list(range(1, len(order) + 1))
    assert found.columns == ["item_id", "score", "rank", "title"]


@pytest.mark.parametrize("kind", KINDS)
@given(histories=st.lists(st.lists(st.integers(10, 9 + N_ITEMS), max_size=5), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_a_batch_is_one_by_one(kind: str, histories: list[list[int]]) -> None:
    """Several histories get what each gets alone; `query` says which; repeated items count once, in any order."""
    recommender = foldable(kind)
    found = recommender.recommend_for_histories(histories, 4)
    assert found.columns == ["query", "item_id", "score", "rank", "title"]
    for number, history in enumerate(histories):
        alone = recommender.recommend_for_history([*history[::-1], *history], 4)
        mine = found.filter(pl.col("query") == number).drop("query")
        assert mine.drop("score").equals(alone.drop("score"))
        np.testing.assert_allclose(mine["score"], alone["score"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["items", "factors"])
def test_item_models_score_a_history_as_a_users(kind: str) -> None:
    """In an item model, what a known user has gives the user's own list; nothing gives what is popular."""
    recommender = foldable(kind)
    for user in range(7):
        own = recommender.user_history(user)["item_id"]
        assert recommender.recommend_for_history(own, 9).equals(recommender.recommend([user], 9).drop("user_id"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_history(kind: str) -> None:
    """It gets a full list, and that is said."""
    noted = Noted()
    assert len(foldable(kind).recommend_for_history([], 5, reporter=noted)) == 5
    assert noted.messages == ["the history is empty: what people like in general is recommended"]
    assert len(foldable(kind).recommend_for_histories([[], [10], []], 5, reporter=noted)) == 15
    assert noted.messages[1].startswith("2 of 3 histories are empty")
    assert foldable(kind).recommend_for_histories([], 5).is_empty()


@pytest.mark.parametrize(
    "histories",
    [
        [[10, 11], [12]],
        [["10", "11"], ["12"]],
        [("10", 11), [12]],
        pl.Series([[10, 11], [12]]),
        [pl.Series([10, 11]), np.array([12])],
        [["10", "11"], [12]],
        iter([[10, 11], [12]]),
    ],
)
def test_forms_of_histories(histories: Any) -> None:
    """Numbers and texts, in lists, columns and arrays of any library, are the same ids."""
    expected = foldable().recommend_for_histories([[10, 11], [12]], 3)
    assert foldable().recommend_for_histories(histories, 3).equals(expected)


@pytest.mark.parametrize(
    ("histories", "error", "message"),
    [
        ([[10, 99]], UnknownIdError, "unknown item id 99"),
        ([[10, "nothing"], ["x"]], UnknownIdError, "2 of 3 items are not in the data, such as 'nothing', 'x'"),
        ([[10, None]], UnknownIdError, "None"),
        ([[10], 11], DataError, "expected a list of values"),
        ("10", DataError, "expected a list of histories"),
        (10, DataError, "expected a list of histories"),
        ([[10.5]], UnknownIdError, r"10\.5"),
        ([[True]], UnknownIdError, "True"),
        ([[b"x"]], DataError, "cannot be ids"),
    ],
)
def test_bad_histories(histories: Any, error: type[Exception], message: str) -> None:
    """What is not known is named; what is no history is refused with what to write."""
    with pytest.raises(error, match=message):
        foldable().recommend_for_histories(histories, 3)


def test_choosing_for_histories() -> None:
    """Candidates, excluded items and columns count here too; a table of users has no place."""
    recommender = foldable()
    assert set(recommender.recommend_for_history([10], 9, candidates=[11, 12])["item_id"]) == {11, 12}
    assert 11 not in set(recommender.recommend_for_history([10], 99, exclude=[11])["item_id"])
    assert recommender.recommend_for_history([10], 9, where={"price": 3.0})["item_id"].to_list() == [13]
    with pytest.raises(ConfigError, match="these lists are of no known users"):
        recommender.recommend_for_history([10], exclude=pl.DataFrame({"user_id": [1], "item_id": [11]}))
    lists = recommender.recommend_for_histories([[10], [11]], [1, 4])
    assert lists["query"].to_list() == [0, 1, 1, 1, 1]
    with pytest.raises(ConfigError, match="expected a whole number"):
        recommender.recommend_for_histories([[10], [11]], [1, 2, 3])
    assert type(recommender.recommend_for_history(pl.Series([10]).to_pandas(), 2)).__module__.startswith("pandas")


@pytest.mark.parametrize("kind", ["dot"])
@pytest.mark.parametrize(
    "text", ["red shoes", "日本の本 für Ærø", title(3), "w" * 100_000, "a\ud800b", " x\n\ty ", "🙂"]
)
def test_a_text_finds_the_nearest_items(kind: str, text: str) -> None:
    """The score is the cosine to the vector that an item of this text would have; any language, any length."""
    recommender = foldable(kind).add_items(new_items("x", "y"), encoder=WORDS)
    assert isinstance(recommender.model, DotProduct)
    assert recommender.text is not None
    plain = " ".join(text[:20_000].encode(errors="replace").decode().split())
    start = recommender.text.selection.apply(WORDS.encode([plain]))[0]
    items = recommender.model.items
    cosines = items @ start / np.linalg.norm(items, axis=1) / np.linalg.norm(start)
    found = recommender.recommend_for_text(text, 5, encoder=WORDS)
    codes = np.argsort(-cosines)[:5]
    assert found["item_id"].to_list() == recommender.items.ids_of(codes).to_list()
    np.testing.assert_allclose(found["score"], cosines[codes], rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_in_every_model(kind: str) -> None:
    """Each kind of model answers a text, and finds a folded item by its own words first."""
    recommender = foldable(kind).add_items(new_items("red shoes", "garden hose"), encoder=WORDS)
    found = recommender.recommend_for_text("garden hose", 99, encoder=WORDS)
    ids = found["item_id"].to_list()
    assert sorted(ids) == sorted(recommender.items.ids.to_list())
    assert ids.index(101) < ids.index(100)
    assert recommender.recommend_for_text("garden hose", 99, encoder=WORDS, candidates=[10, 11]).height == 2


@pytest.mark.parametrize("text", ["", "  \n", None, 7, ["red"]])
def test_texts_that_say_nothing(text: Any) -> None:
    """An empty text, or no text at all, is refused with an example."""
    with pytest.raises(ConfigError, match="expected some words"):
        foldable().recommend_for_text(text, encoder=WORDS)
