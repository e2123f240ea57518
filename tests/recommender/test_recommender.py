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
from llminit.errors import ArtefactError, ConfigError, DataError, UnknownIdError
from llminit.models.serving import DotProduct, ItemModel
from llminit.recommender import FILES, TextRecipe
from llminit.recommender.artefact import Artefact, write_artefact
from llminit.selectors import Selection
from planted import everything_under

TITLES = ["Aé", "„日本“", None, "tab\there", "", "x"]
TAGS = [["red"], ["blue", "red"], [], None, ["green"], ["blue"]]
RECIPE = TextRecipe(
    "pca", {}, Selection(matrix=np.eye(4, 3, dtype=np.float32)), "minilm", {}, {"encoder": "x"}, "{title}"
)
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
    columns = {"item_id": items.ids, "title": pl.Series(TITLES), "price": [1, 2, 3, 1, 2, 3], "tags": TAGS}
    table = pl.DataFrame(columns) if titles else None
    model, report = DotProduct(arrays[0], arrays[1]), {"metrics": {"recall@10": 0.5}}
    return Recommender(users, items, model, sp.csr_array(seen), table, RECIPE if titles else None, report)


def dot(recommender: Recommender) -> DotProduct:
    assert isinstance(recommender.model, DotProduct)
    return recommender.model


def expected(recommender: Recommender, user: int | str, k: int, *, exclude_seen: bool = True) -> list[Any]:
    """Rank in plain Python."""
    code = recommender.users.code_of(user)
    scores = dot(recommender).items @ dot(recommender).users[code]
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
    later = {"embeddings.safetensors", "fold_in.safetensors", "fold_in.json", "added.safetensors"}
    later |= {"trained.safetensors"}
    expected_files = FILES - later - (set() if titles else {"selection.safetensors"})
    assert set(everything_under(tmp_path / "r")) == expected_files
    found = Recommender.load(str(tmp_path / "r"))
    for one, other in ((found.users, made.users), (found.items, made.items)):
        assert one.ids.to_list() == other.ids.to_list()
        assert (one.ids.dtype, one.kind) == (other.ids.dtype, other.kind)
    np.testing.assert_array_equal(dot(found).users, dot(made).users)
    np.testing.assert_array_equal(dot(found).items, dot(made).items)
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
    rows = dot(recommender).items / np.linalg.norm(dot(recommender).items, axis=1, keepdims=True)
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
    write_artefact(tmp_path / "r", Artefact("recommender", documents={"report": {}}), "1")
    with pytest.raises(ArtefactError, match="not a whole recommender"):
        Recommender.load(tmp_path / "r")


def items_of(found: Any, user: Any) -> list[Any]:
    items: list[Any] = found.filter(pl.col("user_id") == user)["item_id"].to_list()
    return items


def test_candidates_exclusions_and_filters() -> None:
    """What is recommended is among the candidates, not excluded, and has the values that were asked for."""
    recommender = make()
    everything = items_of(recommender.recommend([13], k=6), 13)
    assert items_of(recommender.recommend([13], candidates=["10", 12, 14]), 13) == [
        item for item in everything if item in (10, 12, 14)
    ]
    assert items_of(recommender.recommend([13], exclude=[10, 11]), 13) == [i for i in everything if i > 11]
    pairs = pl.DataFrame({"user_id": [13, 99], "item_id": [everything[0], 10]})
    assert items_of(recommender.recommend([13], exclude=pairs, k=6), 13) == everything[1:]
    assert set(items_of(recommender.recommend([13], where={"price": 2}), 13)) == {11, 14}
    assert set(items_of(recommender.recommend([13], where={"price": [1, 2], "tags": "red"}), 13)) == {10, 11}
    assert recommender.recommend([13], candidates=[]).is_empty()
    with pytest.raises(ConfigError, match=r"no column 'colour'.*price"):
        recommender.recommend([13], where={"colour": "red"})
    with pytest.raises(UnknownIdError, match="1 of 2 candidates"):
        recommender.recommend([13], candidates=[10, 77])


def test_k_for_each_user() -> None:
    """Each user gets as many items as asked for them."""
    found = make().recommend([13, 11, 13], k=[1, 2, 3], exclude_seen=False)
    assert found["rank"].to_list() == [1, 1, 2, 1, 2, 3]
    for wrong in ([1, 2], [1, 2, 0], 1.5, [[1, 2, 3]]):
        with pytest.raises(ConfigError, match="k="):
            make().recommend([13, 11, 13], k=wrong)  # type: ignore[arg-type]


def test_similar_items_of_several() -> None:
    """A list of items gives the same rows as each alone, with the item that each row belongs to."""
    recommender = make()
    found = recommender.similar_items([12, 10], k=2)
    assert found["query_id"].to_list() == [12, 12, 10, 10]
    for item in (12, 10):
        alone = recommender.similar_items(item, k=2)
        own = found.filter(pl.col("query_id") == item).drop("query_id")
        assert own.drop("score").equals(alone.drop("score"))
        np.testing.assert_allclose(own["score"], alone["score"], rtol=1e-5)


def test_pandas_in_pandas_out() -> None:
    """Ids of pandas give a pandas table, with the same rows."""
    import pandas as pd

    found = make().recommend(pd.Series([13, 11]), k=2)
    assert isinstance(found, pd.DataFrame)
    assert pl.from_pandas(found)["item_id"].to_list() == make().recommend([13, 11], k=2)["item_id"].to_list()


def test_evaluate_counts_what_it_leaves_out() -> None:
    """New interactions of known users and items are measured; the others are counted."""
    recommender = make(seed=3)
    new = [(user, item) for user in (11, 12, 13) for item in range(10, 16)]
    unseen = [(u, i) for u, i in new if not recommender.seen[[u - 10]].toarray()[0, i - 10]]
    table = pl.DataFrame([*new, (99, 10), (11, 77), (11, 77)], schema=["user_id", "item_id"], orient="row")
    found = recommender.evaluate(table, ks=(2,))
    assert found["n_interactions"] == len(unseen)
    assert (found["n_seen"], found["n_unknown_users"], found["n_unknown_items"]) == (len(new) - len(unseen), 1, 1)
    hits = []
    for user in {u for u, _ in unseen}:
        best = set(expected(recommender, user, 2))
        relevant = {i for u, i in unseen if u == user}
        hits.append(len(best & relevant) / len(relevant))
    assert found["metrics"]["standard"]["recall@2"] == pytest.approx(np.mean(hits))
    with pytest.raises(DataError, match="none of 1 interactions can be measured"):
        recommender.evaluate(pl.DataFrame({"user_id": [99], "item_id": [10]}))


def test_embeddings_as_tables() -> None:
    """Embeddings come with their ids; a model without any says what to fit."""
    recommender = make()
    table = recommender.item_embeddings()
    assert table["item_id"].to_list() == KINDS["numbers"]
    np.testing.assert_array_equal(table["embedding"].to_numpy(), dot(recommender).items)
    assert recommender.user_embeddings().columns == ["user_id", "embedding"]
    model = ItemModel([], np.arange(6, dtype=np.float32))
    plain = Recommender(recommender.users, recommender.items, model, recommender.seen)
    with pytest.raises(ConfigError, match="has no embeddings; fit a backbone"):
        plain.item_embeddings()


@pytest.mark.parametrize("sparse", [True, False])
def test_an_item_model_is_saved_and_serves(tmp_path: Path, sparse: bool) -> None:
    """A model of item factors gives the same answers before and after it was saved; strangers get popularity."""
    made, rng = make(), np.random.default_rng(0)
    weights = rng.normal(size=(6, 6)).astype(np.float32) * (rng.random((6, 6)) < 0.6)
    left, right = rng.normal(size=(6, 2)).astype(np.float32), rng.normal(size=(2, 6)).astype(np.float32)
    factor = sp.csr_array(weights) if sparse else weights
    model = ItemModel([(factor, None), (left, right)], np.arange(6, dtype=np.float32))
    recommender = Recommender(made.users, made.items, model, made.seen, made.item_table)
    recommender.save(tmp_path / "r")
    loaded = Recommender.load(tmp_path / "r")
    scores = made.seen.toarray() @ (weights + left @ right)
    for one in (recommender, loaded):
        found = one.recommend([12], k=6, exclude_seen=False)
        order = np.argsort(-scores[2], kind="stable") + 10
        assert found["item_id"].to_list() == order.tolist()
        assert one.recommend([13], k=6)["item_id"].to_list() == [15, 14, 13, 12, 11, 10]
        assert len(one.similar_items(12, k=3)) == 3


def test_an_earlier_version_is_read(tmp_path: Path) -> None:
    """A folder of version 1, with two tables of embeddings and titles alone, answers as it did."""
    made = make()
    write_artefact(
        tmp_path / "r",
        Artefact(
            "recommender",
            arrays={
                "embeddings": {"users": dot(made).users, "items": dot(made).items},
                "seen": {"indptr": made.seen.indptr.astype(np.int64), "indices": made.seen.indices.astype(np.int32)},
            },
            tables={
                "users": pl.DataFrame({"user_id": made.users.ids}),
                "items": pl.DataFrame({"item_id": made.items.ids, "title": TITLES}),
            },
            documents={"report": made.report},
        ),
        "0.1.0",
    )
    loaded = Recommender.load(tmp_path / "r")
    assert loaded.text is None
    assert loaded.recommend().equals(made.recommend())
    loaded.save(tmp_path / "r")
    assert "model.safetensors" in everything_under(tmp_path / "r")
    assert "embeddings.safetensors" not in everything_under(tmp_path / "r")


def test_a_line_for_people() -> None:
    """What is printed of a recommender is one short line."""
    assert repr(make()) == "<Recommender: 4 users, 6 items>"


def test_the_recipe_knows_its_encoder() -> None:
    """Another identity of the encoder is refused, with what differs."""
    RECIPE.check_identity({"encoder": "x"})
    with pytest.raises(ConfigError, match="other: state"):
        RECIPE.check_identity({"encoder": "x", "state": "new"})
