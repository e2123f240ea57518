"""The fitted artefact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit import Recommender
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ArtefactError, ConfigError, UnknownIdError
from llminit.recommender import FILES
from planted import everything_under

TITLES = ["Aé", "„日本“", None, "tab\there", "", "x"]
KINDS: dict[str, list[Any]] = {"numbers": list(range(10, 16)), "texts": ["a", "b b", "c,c", 'd"d', "ü", "日"]}


def make(kind: str = "numbers", seed: int = 0, *, titles: bool = True, fortran: bool = False) -> Recommender:
    """Make a recommender of 4 users and 6 items; the first user has seen everything, the last nothing."""
    rng = np.random.default_rng(seed)
    seen = (rng.random((4, 6)) < 0.4).astype(np.float32)
    seen[0], seen[3] = 1, 0
    users = Vocabulary.from_ids(pl.Series(KINDS[kind][:4]), "user")
    items = Vocabulary.from_ids(pl.Series(KINDS[kind]), "item")
    arrays = [rng.normal(size=(n, 3)).astype(np.float32) for n in (4, 6)]
    arrays = [np.asfortranarray(array) if fortran else array for array in arrays]
    shown = pl.Series("title", TITLES) if titles else None
    return Recommender(users, items, arrays[0], arrays[1], sp.csr_array(seen), shown, {"metrics": {"recall@10": 0.5}})


def expected(recommender: Recommender, user: int | str, k: int, *, exclude_seen: bool = True) -> list[Any]:
    """Rank in plain Python."""
    code = recommender.users.code_of(user)
    scores = recommender.item_embeddings @ recommender.user_embeddings[code]
    seen = set(recommender.seen[[code]].indices) if exclude_seen else set()
    order = sorted((item for item in range(6) if item not in seen), key=lambda item: (-scores[item], item))
    return [recommender.items.ids[item] for item in order[:k]]


@given(seed=st.integers(0, 10**6), k=st.integers(1, 9), exclude_seen=st.booleans())
@settings(max_examples=50, deadline=None)
def test_recommend_is_the_obvious_ranking(seed: int, k: int, exclude_seen: bool) -> None:
    """Each user gets the k items with the highest dot products, without seen ones, ranks counted from 1."""
    recommender = make(seed=seed)
    found = recommender.recommend(k=k, exclude_seen=exclude_seen)
    for user in recommender.users.ids:
        mine = found.filter(pl.col("user_id") == user)
        assert mine["item_id"].to_list() == expected(recommender, user, k, exclude_seen=exclude_seen)
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("titles", [True, False])
def test_save_and_load(tmp_path: Path, kind: str, titles: bool) -> None:
    """A loaded recommender has the same ids with their types, titles, embeddings, seen items, report and answers."""
    made = make(kind, titles=titles, fortran=True)
    made.save(tmp_path / "r")
    assert set(everything_under(tmp_path / "r")) == FILES
    found = Recommender.load(str(tmp_path / "r"))
    for one, other in ((found.users, made.users), (found.items, made.items)):
        assert one.ids.to_list() == other.ids.to_list()
        assert (one.ids.dtype, one.kind) == (other.ids.dtype, other.kind)
    np.testing.assert_array_equal(found.user_embeddings, made.user_embeddings)
    np.testing.assert_array_equal(found.item_embeddings, made.item_embeddings)
    np.testing.assert_array_equal(found.seen.toarray(), made.seen.toarray())
    assert found.report == made.report
    shown = None if found.titles is None else found.titles.to_list()
    assert shown == (TITLES if titles else None)
    assert found.recommend().drop("score").equals(made.recommend().drop("score"))


def test_columns_and_types() -> None:
    """Columns are user_id, item_id, score, rank and, where known, title; ids keep their types."""
    with_titles = make().recommend([11], k=2)
    assert with_titles.columns == ["user_id", "item_id", "score", "rank", "title"]
    assert with_titles.dtypes[:4] == [pl.Int64, pl.Int64, pl.Float32, pl.Int64]
    assert make("texts", titles=False).recommend(["b b"]).dtypes == [pl.String, pl.String, pl.Float32, pl.Int64]


def test_order_and_repeats_of_users() -> None:
    """Users come in the order asked for, as often as asked for; one who has seen everything gets nothing."""
    recommender = make()
    assert recommender.recommend([13, 11, 13], k=1)["user_id"].to_list() == [13, 11, 13]
    assert recommender.recommend([10]).is_empty()
    assert recommender.recommend([]).columns == recommender.recommend().columns
    assert recommender.recommend([13], k=99)["rank"].to_list() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("ids", [[11], ["11"], pl.Series([11]), pl.Series(["11"]), (11,), np.array([11])])
def test_numbers_may_be_asked_as_text(ids: Any) -> None:
    """The text "11" finds the number 11, in any sequence; the answer has the number."""
    assert set(make().recommend(ids)["user_id"]) == {11}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["011"], "unknown user id '011'.*check the id"),
        ([99], "unknown user id 99.*such as"),
        ([99, 11, 98, 97], "3 of 4 users.*99, 98, 97"),
        ([None], "unknown user id None"),
    ],
)
def test_unknown_users(ids: list[Any], message: str) -> None:
    """Unknown users are named."""
    with pytest.raises(UnknownIdError, match=message):
        make().recommend(ids)


def test_wrong_usage() -> None:
    """A single id where a list belongs, and a k below 1, are refused with what to write."""
    with pytest.raises(ConfigError, match=r"write \['ab'\]"):
        make("texts").recommend("ab")
    calls: list[Callable[[], object]] = [lambda: make().recommend(k=0), lambda: make().similar_items(10, k=0)]
    for call in calls:
        with pytest.raises(ConfigError, match="k=0"):
            call()


@pytest.mark.parametrize("k", [1, 3, 99])
def test_similar_items(k: int) -> None:
    """Similar items are those of highest cosine, without the item itself, with titles."""
    recommender = make()
    found = recommender.similar_items("12", k)
    rows = recommender.item_embeddings / np.linalg.norm(recommender.item_embeddings, axis=1, keepdims=True)
    cosines = rows @ rows[2]
    order = [code for code in np.argsort(-cosines) if code != 2][:k]
    assert found["item_id"].to_list() == [10 + code for code in order]
    np.testing.assert_allclose(found["score"], cosines[order], rtol=1e-5)
    assert found["title"].to_list() == [TITLES[code] for code in order]
    with pytest.raises(UnknownIdError, match="unknown item id 99"):
        recommender.similar_items(99)


def test_history_and_known_users() -> None:
    """A user's history is what was seen, with titles; knows_user tells known ids from others."""
    recommender = make()
    assert recommender.user_history(10)["item_id"].to_list() == KINDS["numbers"]
    assert recommender.user_history("10")["title"].to_list() == TITLES
    assert recommender.user_history(13).is_empty()
    assert recommender.knows_user(pl.Series(["10", "010", "99"])).to_list() == [True, False, False]


def test_an_artefact_of_another_shape(tmp_path: Path) -> None:
    """A folder of the right kind that lacks a part is an ArtefactError."""
    from llminit.recommender.artefact import Artefact, write_artefact

    write_artefact(tmp_path / "r", Artefact("recommender", documents={"report": {}}), "1")
    with pytest.raises(ArtefactError, match="not a whole recommender"):
        Recommender.load(tmp_path / "r")
