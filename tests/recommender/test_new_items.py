"""Items that come and go after the fit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldable import KINDS, N_ITEMS, SIZE, WIDTH, WordEncoder, foldable, new_items, title
from llminit import Recommender
from llminit.errors import ConfigError, DataError, EmbeddingError, MissingExtraError, UnknownIdError
from llminit.fold_in import ItemMap
from llminit.models.serving import DotProduct
from llminit.recommender.artefact import read_manifest
from llminit.recommender.saving import LAYOUT_VERSION
from noted import Noted

WORDS = WordEncoder()


def everything(recommender: Recommender) -> pl.DataFrame:
    return pl.DataFrame(recommender.recommend(k=99, exclude_seen=False))


def assert_same(one: Recommender, other: Recommender) -> None:
    first, second = everything(one), everything(other)
    assert first.drop("score").equals(second.drop("score"))
    np.testing.assert_allclose(first["score"], second["score"], rtol=1e-5, atol=1e-6)


def test_a_new_item_takes_the_way_of_the_others() -> None:
    """The vector is the map of the selection of the encoded text; what was there stays, the old recommender too."""
    old = foldable()
    new = old.add_items(new_items("red shoes", "blue shoes"), encoder=WORDS)
    assert old.fold_in is not None
    assert old.text is not None
    assert isinstance(old.model, DotProduct)
    assert isinstance(new.model, DotProduct)
    item_map = old.fold_in.items[0]
    assert isinstance(item_map, ItemMap)
    expected = item_map.vectors(old.text.selection.apply(WORDS.encode(["red shoes", "blue shoes"])))
    np.testing.assert_allclose(new.model.items[N_ITEMS:], expected, rtol=1e-6)
    np.testing.assert_array_equal(new.model.items[:N_ITEMS], old.model.items)
    assert new.items.ids.to_list() == [*range(10, 10 + N_ITEMS), 100, 101]
    assert new.folded.tolist() == [False] * N_ITEMS + [True, True]
    assert new.seen.shape == (old.seen.shape[0], N_ITEMS + 2)
    assert (new.seen[:, :N_ITEMS] != old.seen).nnz == 0
    assert new.recommend([1], k=99).filter(pl.col("item_id") == 100)["title"].to_list() == ["red shoes"]
    assert len(old.items) == N_ITEMS
    assert 100 not in everything(old)["item_id"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_an_item_is_like_it(kind: str) -> None:
    """A new item with the text of a known one is recommended to those whom a history makes like that text's items."""
    recommender = foldable(kind).add_items(new_items(title(3), "something else"), encoder=WORDS)
    both = recommender.recommend_for_text(title(3), k=99, encoder=WORDS)["item_id"].to_list()
    assert both.index(100) < both.index(101)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), n=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_one_by_one_is_all_at_once(kind: str, data: st.DataObject, n: int) -> None:
    """Adding items in any parts gives what adding them together gives, and so does adding one again with a new text."""
    table = new_items(*(f"thing {number}" for number in range(n)))
    together = foldable(kind).add_items(table, encoder=WORDS)
    in_parts = foldable(kind)
    if data.draw(st.booleans()):
        in_parts = in_parts.add_items(table[:1].with_columns(title=pl.lit("draft")), encoder=WORDS)
    start = 0
    while start < n:
        size = data.draw(st.integers(1, n - start))
        in_parts = in_parts.add_items(table[start : start + size], encoder=WORDS)
        start += size
    assert in_parts.items.ids.to_list() == together.items.ids.to_list()
    assert_same(in_parts, together)
    assert in_parts.titles is not None
    assert together.titles is not None
    assert in_parts.titles.to_list() == together.titles.to_list()


def test_items_without_text() -> None:
    """They get the mean of the new items with text, and are counted; alone, they score nothing."""
    noted = Noted()
    recommender = foldable().add_items(new_items("a b", None, "c d"), encoder=WORDS, reporter=noted)
    assert any("1 of 3 items have no text and start from the mean" in note for note in noted.messages)
    assert isinstance(recommender.model, DotProduct)
    assert recommender.text is not None
    mean = WORDS.encode(["a b", "c d"]).mean(axis=0, keepdims=True)
    start = recommender.text.selection.apply(mean)[0]
    row = recommender.model.items[N_ITEMS + 1]
    assert row @ start / np.linalg.norm(row) / np.linalg.norm(start) == pytest.approx(1, abs=1e-5)
    alone = foldable().add_items(new_items(None, "  "), encoder=WORDS)
    assert isinstance(alone.model, DotProduct)
    assert not alone.model.items[N_ITEMS:].any()


def test_removed_items_are_in_no_list() -> None:
    """Not recommended, not similar to anything, not found by text; still part of histories, and unknown to nobody."""
    new = foldable().add_items(new_items("x"), encoder=WORDS).remove_items([100, 12])
    gone = {100, 12}
    assert not gone & set(new.recommend(k=99, exclude_seen=False)["item_id"])
    assert not gone & set(new.recommend([1], k=99, candidates=[100, 12, 13], exclude_seen=False)["item_id"])
    assert not gone & set(new.similar_items(13, k=99)["item_id"])
    assert not gone & set(new.recommend_for_text("x", k=99, encoder=WORDS)["item_id"])
    assert not gone & set(new.recommend_for_history([100, 13], k=99)["item_id"])
    assert 12 in set(new.user_history(0)["item_id"])
    with pytest.raises(UnknownIdError, match="999"):
        new.remove_items([999])


def test_removed_items_come_back() -> None:
    """A warm item that is added again is as it was; a folded one has its new text."""
    old = foldable().add_items(new_items("x"), encoder=WORDS)
    gone = old.remove_items([100, 12])
    warm = pl.DataFrame({"item_id": [12], "title": ["other words"]})
    assert_same(gone.add_items(warm, encoder=WORDS).remove_items([100]), old.remove_items([100]))
    back = gone.add_items(new_items("y"), encoder=WORDS)
    assert_same(back, foldable().add_items(new_items("y"), encoder=WORDS).remove_items([12]))


def test_warm_items_are_refused() -> None:
    """An item that the model was fitted to keeps what was learned of it: the message names it."""
    with pytest.raises(DataError, match="1 of 2 items are known from training, such as 13"):
        foldable().add_items(pl.DataFrame({"item_id": [13, 100], "title": ["a", "b"]}), encoder=WORDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_dial(kind: str) -> None:
    """0 shows no added item; moved later, it is as if it had been set at once."""
    table = new_items("a", "b", "c")
    recommender = foldable(kind).add_items(table, encoder=WORDS)
    assert not {100, 101, 102} & set(everything(recommender.with_exposure(0))["item_id"])
    assert not {100, 101, 102} & set(recommender.with_exposure(0).similar_items(13, 99)["item_id"])
    at_once = foldable(kind).add_items(table, encoder=WORDS, exposure=2.5)
    assert at_once.exposure == 2.5
    assert_same(recommender.with_exposure(0).with_exposure(2.5), at_once)
    for wrong in (-1, float("nan"), float("inf"), "1", True):
        with pytest.raises(ConfigError, match="exposure"):
            recommender.with_exposure(wrong)  # type: ignore[arg-type]


def test_more_exposure_is_more_places() -> None:
    """With the dial up, added items take more of the first places, and other items keep their order."""
    recommender = foldable().add_items(new_items("a", "b", "c"), encoder=WORDS)
    counts = []
    for exposure in (0.1, 1, 10):
        lists = recommender.with_exposure(exposure).recommend(k=3)
        counts.append(int((lists["item_id"] >= 100).sum()))
        warm = everything(recommender.with_exposure(exposure)).filter(pl.col("item_id") < 100)
        assert warm.select("user_id", "item_id").equals(everything(foldable()).select("user_id", "item_id"))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("removed", [True, False])
def test_saved_and_loaded(tmp_path: Path, kind: str, removed: bool) -> None:
    """Added and removed items, interactions and the dial are the same in a folder; removed items need version 3."""
    made = foldable(kind).add_items(new_items("a", None, "c"), encoder=WORDS, exposure=0.7)
    made = made.add_interactions(pl.DataFrame({"user_id": [3, 50], "item_id": [100, 101]}))
    made = made.remove_items([102]) if removed else made
    made.save(tmp_path / "r")
    found = Recommender.load(tmp_path / "r")
    assert everything(found).equals(everything(made))
    assert found.exposure == 0.7
    assert found.folded.tolist() == made.folded.tolist()
    assert found.pending is not None
    assert made.pending is not None
    assert (found.pending != made.pending).nnz == 0
    assert (found.seen != made.seen).nnz == 0
    version = read_manifest(tmp_path / "r", "recommender", LAYOUT_VERSION)["layout_version"]
    assert version == (LAYOUT_VERSION if removed else LAYOUT_VERSION - 1)
    assert_same(
        found.with_exposure(2).add_items(new_items("z"), encoder=WORDS),
        made.with_exposure(2).add_items(new_items("z"), encoder=WORDS),
    )


def test_given_embeddings() -> None:
    """They are taken by their ids, in any order; those of another width, or of none of the items, are refused."""
    table = new_items("a", "b", "c")
    values = WORDS.encode(["a", "b", "c"])
    by_text = foldable().add_items(table, encoder=WORDS)
    assert_same(foldable().add_items(table, embeddings=([102, 100, 101], values[[2, 0, 1]])), by_text)
    only_ids = foldable().add_items(table.select("item_id"), embeddings=([100, 101, 102], values))
    assert only_ids.titles is not None
    assert only_ids.titles.to_list()[-3:] == [None] * 3
    with pytest.raises(EmbeddingError, match=f"have {WIDTH + 1} dimensions, those of the fitted ones {WIDTH}"):
        foldable().add_items(table, embeddings=([100], np.ones((1, WIDTH + 1), dtype=np.float32)))
    with pytest.raises(EmbeddingError, match="none of the 3 items"):
        foldable().add_items(table, embeddings=([5], values[:1]))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pl.DataFrame({"item_id": ["B00X"], "title": ["a"]}), "cannot stand beside the known ones, such as 'B00X'"),
        (pl.DataFrame({"item_id": [100, 100], "title": ["a", "b"]}), "in more than one row"),
        (pl.DataFrame({"item_id": [None, 100], "title": ["a", "b"]}), "missing ids"),
        (pl.DataFrame({"name": ["a"]}), "item_id"),
        (pl.DataFrame({"item_id": [100], "words": ["a"]}), "none of the columns of the text, 'title'"),
        (pl.DataFrame({"item_id": [100], "title": ["a"], "price": ["cheap"]}), "column 'price' .* holds String"),
        (pl.DataFrame({"item_id": [], "title": []}), "no rows"),
    ],
)
def test_tables_that_cannot_be_used(table: pl.DataFrame, message: str) -> None:
    """The message says what was found and what to do."""
    with pytest.raises(DataError, match=message):
        foldable().add_items(table, encoder=WORDS)


def test_ids_and_columns_of_other_types() -> None:
    """Ids that can be the known type's are; whole numbers can be prices; new columns are kept."""
    table = pl.DataFrame({"item_id": ["100"], "title": ["a"], "price": [3], "colour": ["red"]})
    new = foldable().add_items(table, encoder=WORDS)
    assert new.items.ids.to_list()[-1] == 100
    assert new.item_table is not None
    assert new.item_table["price"].to_list()[-1] == 3.0
    assert new.recommend([1], k=99, where={"colour": "red"})["item_id"].to_list() == [100]


def test_an_encoder_that_has_changed() -> None:
    """Vectors of two encoders are never mixed; nor is a text read for nothing."""
    other = WordEncoder("words 2")
    for call in (
        lambda: foldable().add_items(new_items("a"), encoder=other),
        lambda: foldable().recommend_for_text("a", encoder=other),
    ):
        with pytest.raises(ConfigError, match="the encoder words is not the one that this recommender was fitted with"):
            call()
    assert not other.n_encoded


def test_an_encoder_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose package is missing names the extra; one that nobody registered says what to give."""
    recommender = foldable()
    with pytest.raises(ConfigError, match=r"cannot be opened here: unknown encoder 'words'.*or give the encoder"):
        recommender.add_items(new_items("a"))
    assert recommender.text is not None
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    missing = replace(recommender, text=replace(recommender.text, encoder="st:some/model"))
    with pytest.raises(MissingExtraError, match=r"pip install 'llminit\[text\]'"):
        missing.add_items(new_items("a"))


@pytest.mark.parametrize(
    ("part", "message"), [({"text": None}, "was fitted without text"), ({"fold_in": None}, "saved without what folds")]
)
def test_recommenders_that_take_no_items(part: dict[str, Any], message: str) -> None:
    """Without text, or from a folder of an earlier version, the message says so and what to do."""
    without = replace(foldable(), **part)
    calls: list[Callable[[], object]] = [
        lambda: without.add_items(new_items("a"), encoder=WORDS),
        lambda: without.recommend_for_text("a", encoder=WORDS),
        lambda: without.with_exposure(1),
    ]
    for call in calls:
        with pytest.raises(ConfigError, match=f"{message}.*fit it again"):
            call()
    assert len(without.recommend_for_history([10, 11], k=3)) == 3


@pytest.mark.parametrize("map_kind", ["start", "ridge", "nearest"])
def test_every_map(map_kind: Any) -> None:
    """Whatever the map, twice the exposure gives vectors twice as long, of the same directions."""
    new = foldable(map_kind=map_kind).add_items(new_items("a", "b"), encoder=WORDS)
    assert isinstance(new.model, DotProduct)
    shown_more = new.with_exposure(2.0)
    assert isinstance(shown_more.model, DotProduct)
    assert new.model.items[N_ITEMS:].any(axis=1).all()
    np.testing.assert_allclose(shown_more.model.items[N_ITEMS:], 2 * new.model.items[N_ITEMS:], rtol=1e-5)
    assert new.model.items.shape == (N_ITEMS + 2, SIZE)


def test_evaluate_tells_added_items_apart() -> None:
    """Interactions with items that were added are measured among all items, and once more on their own."""
    grown = foldable().add_items(new_items("a", "b"), encoder=WORDS)
    ids = grown.items.ids.to_list()
    pairs = [(user, item) for user in range(1, 6) for item in (ids[-1], ids[-2])]
    free = [(user, item) for user in range(1, 6) for item in ids[:N_ITEMS] if not grown.seen[user, ids.index(item)]]
    table = pl.DataFrame(pairs + free[:6], ["user_id", "item_id"], orient="row")
    found = grown.evaluate(table, ks=(3,))
    alone = grown.evaluate(pl.DataFrame(pairs, ["user_id", "item_id"], orient="row"), ks=(3,))
    assert found["added_items"]["n_interactions"] == alone["n_interactions"] == len(pairs)
    assert found["added_items"]["metrics"] == alone["metrics"] == alone["added_items"]["metrics"]
    assert found["n_interactions"] == len(pairs) + 6
    assert "added_items" not in foldable().evaluate(pl.DataFrame(free[:6], ["user_id", "item_id"], orient="row"))
