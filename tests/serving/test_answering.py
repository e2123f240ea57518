"""Batches are answered as the recommender answers each question by itself."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import FloatArray, IntArray
from llminit.errors import LLMInitError, UnknownIdError
from llminit.serving.ann import Index
from llminit.serving.answering import answer
from llminit.serving.changes import ItemsAdded
from llminit.serving.model import Model
from llminit.serving.schemas import RecommendRequest
from served import N_ITEMS, N_USERS, WordsEncoder, item_id, small_recommender

ENCODER = WordsEncoder()
ADDED = ItemsAdded([{"item_id": f"n{n}", "title": f"{kind} {n}"} for n, kind in enumerate(("tents", "lamps"))])
RECOMMENDER = ADDED.applied(small_recommender(), ENCODER).remove_items(["i02", "n1"])
MODEL = Model(RECOMMENDER, 0.0, "")

items = st.integers(0, N_ITEMS - 1).map(item_id) | st.sampled_from(["n0", "n1"])
whom = st.one_of(
    st.fixed_dictionaries({"user_id": st.integers(0, N_USERS - 1).map(lambda user: f"u{user:02d}")}),
    st.fixed_dictionaries({"history": st.lists(items, max_size=4)}),
    st.fixed_dictionaries({"text": st.sampled_from(["tents", "red lamps", "user", "history"])}),
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "k": st.integers(1, 50),
        "offset": st.integers(0, 5),
        "exclude": st.lists(items | st.just("unknown"), max_size=5),
        "candidates": st.lists(items, min_size=1, max_size=9),
        "only": st.sampled_from([{"brand": "Acme"}, {"brand": ["Acme", "Initech"]}, {"year": 1991}]),
        "include_seen": st.booleans(),
        "diversity": st.sampled_from([0.0, 0.3, 1.0]),
        "exposure": st.sampled_from([0.0, 1.0, 2.5]),
    },
)
questions = st.tuples(whom, wishes).map(lambda parts: RecommendRequest(**parts[0], **parts[1]))


def expected(question: RecommendRequest) -> list[tuple[Any, float]]:
    """What the recommender says to one question."""
    recommender = RECOMMENDER if question.exposure is None else RECOMMENDER.with_exposure(question.exposure)
    excluded = [item for item in question.exclude if item != "unknown"]
    options: dict[str, Any] = {
        "candidates": question.candidates,
        "exclude": excluded or None,
        "where": question.only or None,
        "diversity": question.diversity,
    }
    k = question.k + question.offset
    if question.text is not None:
        table = recommender.recommend_for_text(question.text, k, encoder=ENCODER, **options)
    elif question.user_id is not None:
        table = recommender.recommend([question.user_id], k, exclude_seen=not question.include_seen, **options)
    else:
        table = recommender.recommend_for_history(
            question.history, k, exclude_seen=not question.include_seen, **options
        )
    return list(table.select("item_id", "score").rows())[question.offset :]


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(questions, min_size=1, max_size=6))
def test_a_batch_is_answered_as_its_questions(asked: list[RecommendRequest]) -> None:
    """Whatever is asked together, each gets the items, the order and the scores that it would get alone."""
    for question, found in zip(asked, answer(MODEL, asked, ENCODER), strict=True):
        assert not isinstance(found, Exception), found
        rows = expected(question)
        assert [row["item_id"] for row in found] == [item for item, _ in rows]
        assert [row["score"] for row in found] == pytest.approx([score for _, score in rows], rel=1e-4, abs=1e-4)
        assert [row["rank"] for row in found] == [question.offset + 1 + place for place in range(len(rows))]
        assert all(row["added"] == (row["item_id"] == "n0") for row in found)


def test_a_large_catalogue_is_answered_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where items are many, users of one batch are answered in one pass: with the same items, scores and ranks."""
    asked = [RecommendRequest(user_id=f"u{user:02d}", k=3 + user, exclude=["i05"]) for user in range(5)]
    asked += [RecommendRequest(history=["i01", item_id(user)], only={"brand": "Acme"}) for user in range(4)]
    few_items = answer(MODEL, asked, ENCODER)
    monkeypatch.setattr("llminit.recommender.few.MANY", 0)
    for found, plain in zip(answer(MODEL, asked, ENCODER), few_items, strict=True):
        assert not isinstance(found, Exception)
        assert not isinstance(plain, Exception)
        assert [row["item_id"] for row in found] == [row["item_id"] for row in plain]
        assert [row["score"] for row in found] == pytest.approx([row["score"] for row in plain], rel=1e-4, abs=1e-5)


class FindsAll(Index):
    """An index that misses nothing, as it looks at everything."""

    def __init__(self, vectors: FloatArray) -> None:
        self.n_items, self._vectors = len(vectors), vectors

    def nearest(self, users: FloatArray, k: int) -> IntArray:
        found: IntArray = np.argsort(-(users @ self._vectors.T), axis=1, kind="stable")[:, :k]
        return found


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(questions, min_size=1, max_size=5))
def test_an_index_that_misses_nothing_changes_nothing(asked: list[RecommendRequest]) -> None:
    """With an index, what is seen, removed, excluded, added or filtered is treated as without one."""
    scorer: Any = RECOMMENDER.model
    with_index = Model(RECOMMENDER, 0.0, "", FindsAll(scorer.items[: RECOMMENDER.n_warm]))
    pairs = zip(answer(with_index, asked, ENCODER), answer(MODEL, asked, ENCODER), strict=True)
    for found, exact in pairs:
        assert not isinstance(found, Exception)
        assert not isinstance(exact, Exception)
        assert [row["item_id"] for row in found] == [row["item_id"] for row in exact]


def test_the_error_of_one_is_not_that_of_others() -> None:
    """In one batch, who cannot be answered gets the error, and everybody else an answer."""
    asked = [
        RecommendRequest(user_id="u01"),
        RecommendRequest(user_id="nobody"),
        RecommendRequest(history=["i01", "nothing"]),
        RecommendRequest(history=["i01"]),
        RecommendRequest(user_id="u01", only={"brand": "None"}),
        RecommendRequest(user_id="u01", candidates=["nothing"]),
        RecommendRequest(user_id="u02"),
    ]
    found = answer(MODEL, asked, ENCODER)
    kinds = [type(each) if isinstance(each, LLMInitError) else list for each in found]
    assert kinds[:4] == [list, UnknownIdError, UnknownIdError, list]
    assert issubclass(kinds[4], LLMInitError)
    assert kinds[5:] == [UnknownIdError, list]


def test_reasons_are_of_the_history() -> None:
    """The items that speak for one are of the user's history, and have their titles."""
    (found,) = answer(MODEL, [RecommendRequest(user_id="u01", k=3, reasons=3)])
    assert not isinstance(found, Exception)
    has = set(RECOMMENDER.user_history("u01")["item_id"])
    because = [reason for row in found for reason in row["because"]]
    assert because
    assert {reason["item_id"] for reason in because} <= has
    assert all("tents" in reason["title"] for reason in because)


def test_a_filter_is_made_once() -> None:
    """The items that a filter leaves are kept for the next question with it, and for no other."""
    model = Model(RECOMMENDER, 0.0, "")
    asked = [RecommendRequest(user_id="u01", only={"year": year}) for year in (1991, 1991, "1991", 1992)]
    chosen = [model.candidates(RECOMMENDER, question) for question in asked]
    assert chosen[0] is chosen[1]
    assert len({id(each) for each in chosen}) == 3


def test_an_index_of_many_items() -> None:
    """In thousands of vectors of all lengths the index finds most of what there is, and says how much."""
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(4000, 16)) * rng.gamma(2, size=(4000, 1))).astype(np.float32)
    users = rng.normal(size=(300, 16)).astype(np.float32)
    index = Index(vectors, users, rng)
    best = np.argsort(-(users @ vectors.T), axis=1)[:, :10]
    found = index.nearest(users, 10)
    recall = np.mean([len(set(mine) & set(theirs)) / 10 for mine, theirs in zip(best, found, strict=True)])
    assert recall > 0.95
    assert index.recall == pytest.approx(recall, abs=0.03)
