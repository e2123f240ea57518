"""Learning on: a saved recommender and what came since."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import llminit
from llminit import Recommender
from llminit.errors import ArtefactError, ConfigError, DataError
from llminit.models.serving import DotProduct
from llminit.pipeline.refresh import refresh, refreshed
from noted import Noted
from planted import World, plant

WORLD = plant()
FIT: dict[str, Any] = {"embedding_size": 8, "epochs": 4, "refit": False}
KINDS: dict[str, dict[str, Any]] = {
    "softmax": {"init": "propagated-whiten"},
    "canonical": {"init": "canonical"},
    "history": {"backbone": "history", "init": "whiten"},
    "xavier": {"init": "xavier"},
    "ease": {"backbone": "ease", "backbone_options": {"l2": 20.0}},
    "l3ae": {"backbone": "l3ae", "backbone_options": {"text_weight": 50.0, "l2": 10.0}},
    "l3ae-windows": {"backbone": "l3ae-windows", "backbone_options": {"text_weight": 50.0, "l2": 10.0}},
    "mixture": {"backbone": "mixture", "init": "canonical"},
}


def old_and_new() -> tuple[pl.DataFrame, pl.DataFrame, World]:
    """Divide the planted data: the last users, the last items and each user's last interaction come later."""
    late = (pl.col("user_id") >= 55) | (pl.col("item_id") >= "i36") | (pl.col("timestamp") >= 1000 + 7 * 7)
    return WORLD.interactions.filter(~late), WORLD.interactions.filter(late), WORLD


OLD, NEW, _ = old_and_new()


def fitted(kind: str = "softmax", interactions: pl.DataFrame = OLD, **options: Any) -> Recommender:
    text = None if kind in ("xavier", "ease") else WORLD.embeddings
    return llminit.fit(interactions, WORLD.items, embeddings=text, **FIT | KINDS[kind] | options)


def table_of(recommender: Recommender) -> pl.DataFrame:
    return pl.DataFrame(recommender.recommend(k=99, exclude_seen=False)).sort("user_id", "item_id")


def assert_alike(one: Recommender, other: Recommender, tolerance: float = 1e-4) -> None:
    """Scores and titles are the same, whatever the order of ids."""
    first, second = table_of(one), table_of(other)
    assert first.select("user_id", "item_id", "title").equals(second.select("user_id", "item_id", "title"))
    np.testing.assert_allclose(first["score"], second["score"], rtol=tolerance, atol=tolerance)


def learned_on(recommender: Recommender, interactions: Any = NEW, **options: Any) -> Recommender:
    if recommender.text is not None:
        options = {"embeddings": WORLD.embeddings} | options
    return refreshed(recommender, interactions, WORLD.items, **options)[0]


@pytest.mark.parametrize("init", ["prefix", "propagate|prefix", "canonical"])
@pytest.mark.parametrize(("backbone", "refit"), [("softmax", True), ("softmax", False), ("history", True)])
def test_without_training_it_is_a_fit_to_everything(init: str, backbone: str, refit: bool) -> None:
    """What is not learned moves to where a fit of all data would start: with no epoch at all, both are the same.

    A fit that did not learn what it held out leaves that to the refresh.
    """
    hops = {"hop_weights": (0.5,)}
    options: dict[str, Any] = {"backbone": backbone, "init": init, "epochs": 0, "backbone_options": hops}
    everything = fitted("softmax", WORLD.interactions, **options | {"refit": True})
    assert_alike(learned_on(fitted("softmax", **options | {"refit": refit})), everything)


@pytest.mark.parametrize("kind", ["ease", "l3ae"])
def test_baselines_are_fitted_to_everything(kind: str) -> None:
    """A baseline that has learned on is the one that a fit of all data with its options gives."""
    everything = fitted(kind, WORLD.interactions, refit=True)
    assert_alike(learned_on(fitted(kind, refit=True)), everything)


def test_what_comes_later_follows_in_the_order() -> None:
    """A model of the order learns it on: new interactions come behind the known ones of their users, time after time.

    Without the order of the known ones it would be another model.
    """
    turn = (pl.col("timestamp") - 1000) // 7
    first, second, third = (WORLD.interactions.filter(turn <= last) for last in (4, 5, 6))
    fixed = {"text_weight": 50.0, "l2": 10.0, "window_weight": 1.0}
    base, anew = (fitted("l3ae-windows", rows, refit=True, backbone_options=fixed) for rows in (first, third))
    on = learned_on(learned_on(base, second), third)
    assert_alike(on, anew)
    plain = fitted("l3ae", third, refit=True)
    assert np.abs(table_of(plain)["score"].to_numpy() - table_of(anew)["score"].to_numpy()).max() > 1e-2


def test_one_item_a_day() -> None:
    """Day after day, a user's next item is the last one, also where its code comes before those of earlier days."""
    base = fitted("l3ae-windows", OLD, refit=True)
    first = OLD.filter(pl.col("user_id") == 0).sort("timestamp")["item_id"].to_list()
    days = sorted(set(OLD["item_id"].to_list()) - set(first), reverse=True)[:4]
    for day, item in enumerate(days):
        base = learned_on(base, pl.DataFrame({"user_id": [0], "item_id": [item], "timestamp": [9000 + day]}))
    assert base.trained is not None
    seen = base.seen[:, : base.n_warm].sorted_indices()
    end = seen.indptr[1]
    own, places = base.items.ids.gather(seen.indices[:end]).to_list(), base.trained.arrays()["order"][:end]
    assert [item for _, item in sorted(zip(places, own, strict=True))] == first + days
    assert sorted(places) == list(range(1, end + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_afterwards(kind: str) -> None:
    """All users and items are known, all interactions are seen, nothing is cold or pending; the old one serves on."""
    old = fitted(kind, refit=True)
    before = table_of(old)
    new = learned_on(old)
    assert set(new.users.ids) == set(WORLD.interactions["user_id"])
    assert set(new.items.ids) == set(WORLD.interactions["item_id"])
    for user in (0, 57):
        mine = WORLD.interactions.filter(pl.col("user_id") == user)["item_id"]
        assert set(new.user_history(user)["item_id"]) == set(mine)
    assert new.pending is None
    assert not new.folded.any()
    titles = dict(WORLD.items.iter_rows())
    assert all(titles[row["item_id"]] == row["title"] for row in table_of(new).to_dicts())
    record = new.report["refreshes"][0]
    assert (record["n_interactions"], record["n_users"]) == (len(NEW), 5)
    assert table_of(old).equals(before)


@pytest.mark.parametrize("kind", ["softmax", "history", "mixture"])
def test_new_ones_find_their_cluster(kind: str) -> None:
    """New users get items of their own cluster, and new items go to users of theirs."""
    new = learned_on(fitted(kind, epochs=8, refit=True))
    lists = new.recommend(list(range(55, 60)), k=3)
    clusters = lists["item_id"].str.slice(1).cast(pl.Int64) % 4
    assert (clusters == lists["user_id"] % 4).mean() > 0.8
    late = new.recommend(k=1, candidates=["i36", "i37", "i38", "i39"], exclude_seen=False)
    assert (late["item_id"].str.slice(1).cast(pl.Int64) % 4 == late["user_id"] % 4).mean() > 0.8


def test_as_good_as_a_fit_to_everything() -> None:
    """On interactions that neither has seen, learning on is about as good as learning anew."""
    turn = (pl.col("timestamp") - 1000) // 7
    test, known, first = (WORLD.interactions.filter(part) for part in (turn == 6, turn < 6, turn < 5))
    anew, base = (fitted(interactions=rows, epochs=10, refit=True) for rows in (known, first))
    on = learned_on(base, known)
    one, other = (each.evaluate(test)["metrics"]["standard"]["ndcg@10"] for each in (on, anew))
    assert one > 0.93 * other


@pytest.mark.parametrize("kind", ["softmax", "history"])
def test_the_same_twice_and_in_a_folder(tmp_path: Path, kind: str) -> None:
    """The same call gives the same bits, in memory and in a folder, in place and elsewhere; the first folder stays."""
    old = fitted(kind, refit=True)
    old.save(tmp_path / "a")
    new, record = refresh(tmp_path / "a", NEW, WORLD.items, embeddings=WORLD.embeddings, out=tmp_path / "b")
    assert record["n_interactions"] == len(NEW)
    assert len(Recommender.load(tmp_path / "a").users) == 55
    refresh(tmp_path / "a", NEW, WORLD.items, embeddings=WORLD.embeddings)
    for each in (Recommender.load(tmp_path / "a"), Recommender.load(tmp_path / "b"), learned_on(old)):
        assert table_of(each).equals(table_of(new))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_day_by_day(tmp_path: Path) -> None:
    """Several refreshes go on from each other, through a folder as in memory; the report keeps count."""
    days = [NEW.filter(pl.int_range(pl.len()) % 3 == day) for day in range(3)]
    in_memory = fitted(refit=True)
    in_memory.save(tmp_path / "a")
    for day in days:
        in_memory = learned_on(in_memory, day)
        refresh(tmp_path / "a", day, WORLD.items, embeddings=WORLD.embeddings)
    found = Recommender.load(tmp_path / "a")
    assert table_of(found).equals(table_of(in_memory))
    assert [each["n_interactions"] for each in found.report["refreshes"]] == [len(day) for day in days]


def test_added_before_or_with_it() -> None:
    """Items and interactions that were added since the fit are learned as if they came with the refresh."""
    old = fitted(refit=True)
    late = WORLD.items.filter(pl.col("item_id") >= "i36")
    added = old.add_items(late, embeddings=WORLD.embeddings).add_interactions(NEW[: len(NEW) // 2])
    assert_alike(learned_on(added), learned_on(old))


def test_what_was_cold_and_removed(tmp_path: Path) -> None:
    """An added item that nobody has stays cold, with the dial where it was; a removed one stays out of all lists."""
    old = fitted(refit=True).add_items(
        pl.DataFrame({"item_id": ["cold", "late"], "title": ["c", "l"]}),
        embeddings=WORLD.embeddings.head(2).with_columns(item_id=pl.Series(["cold", "late"])),
        exposure=0.7,
    )
    old = old.remove_items(["i03", "late"])
    old.save(tmp_path / "r")
    rows = pl.concat([NEW.select("user_id", "item_id"), pl.DataFrame({"user_id": [1], "item_id": ["late"]})])
    refresh(tmp_path / "r", rows, WORLD.items, embeddings=WORLD.embeddings)
    new = Recommender.load(tmp_path / "r")
    assert new.items.ids.filter(pl.Series(new.folded)).to_list() == ["cold"]
    assert new.exposure == 0.7
    lists = table_of(new)
    assert not {"i03", "late"} & set(lists["item_id"])
    assert lists.filter(pl.col("item_id") == "cold")["title"].to_list() == ["c"] * 60
    assert "cold" not in set(table_of(new.with_exposure(0))["item_id"])
    assert len(new.recommend_for_history(["cold", "late"], 5)) == 5


def test_nothing_new() -> None:
    """Without a new interaction nothing is trained, and that is said."""
    noted = Noted()
    old = fitted(refit=True)
    new = learned_on(old, OLD, reporter=noted)
    assert_alike(new.remove_items(["i36", "i37", "i38", "i39"]), old)
    assert noted.messages[-1] == "there is no interaction that is new: nothing was trained"
    assert new.folded.sum() == 4


def test_items_in_no_table() -> None:
    """Items of which no text is known are learned from their users, and counted."""
    noted = Noted()
    for kind in ("softmax", "xavier", "ease"):
        new = refreshed(fitted(kind, refit=True), NEW, reporter=noted)[0]
        assert new.report["refreshes"][0]["n_items_without_text"] == 4
        assert set(new.items.ids) == set(WORLD.interactions["item_id"])
    assert any("4 items of the interactions are new and no text of theirs is known" in note for note in noted.messages)


def test_the_columns_of_the_fit() -> None:
    """Tables have the column names that the fit was told, and its minimum rating."""
    names = {"user_id": "who", "item_id": "what"}
    options = {"user_column": "who", "item_column": "what", "min_rating": 4.5, "refit": True}
    old = llminit.fit(
        OLD.rename(names), WORLD.items.rename({"item_id": "what"}), embeddings=WORLD.embeddings, **FIT | options
    )
    new, record = refreshed(
        old, NEW.rename(names), WORLD.items.rename({"item_id": "what"}), embeddings=WORLD.embeddings
    )
    assert record["n_interactions"] == (NEW["rating"] >= 4.5).sum()
    assert new.report["n_interactions"] == (WORLD.interactions["rating"] >= 4.5).sum()


def test_what_cannot_go_on(tmp_path: Path) -> None:
    """Other backbones, and folders without trained rows or with damaged ones, are refused, with what to do."""
    other = llminit.fit(OLD, WORLD.items, embeddings=WORLD.embeddings, **FIT | {"backbone": "lightgcn"})
    with pytest.raises(ConfigError, match=r"of lightgcn holds no rows to go on from.*fit again"):
        learned_on(other)
    fitted().save(tmp_path / "r")
    shutil.copytree(tmp_path / "r", tmp_path / "damaged")
    loaded = Recommender.load(tmp_path / "damaged")
    path = tmp_path / "damaged" / "trained.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ArtefactError, match="does not match its checksum"):
        learned_on(loaded)
    with pytest.raises(ArtefactError, match="does not match its checksum"):
        loaded.save(tmp_path / "elsewhere")
    path.unlink()
    with pytest.raises(ArtefactError, match=r"trained.safetensors is missing|cannot be read"):
        Recommender.load(tmp_path / "damaged")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pl.DataFrame({"user_id": ["ada"], "item_id": ["i00"]}), "cannot stand beside the known ones, such as 'ada'"),
        (pl.DataFrame({"user_id": [1]}), "item_id"),
        (pl.DataFrame({"user_id": [1, None], "item_id": ["i00", "i01"]}), "missing ids"),
    ],
)
def test_bad_tables_change_nothing(tmp_path: Path, rows: pl.DataFrame, message: str) -> None:
    """They are refused, and the folder is as it was."""
    fitted().save(tmp_path / "r")
    before = table_of(Recommender.load(tmp_path / "r"))
    with pytest.raises(DataError, match=message):
        refresh(tmp_path / "r", rows)
    assert table_of(Recommender.load(tmp_path / "r")).equals(before)


def test_a_fit_knows_that_it_is_another(tmp_path: Path) -> None:
    """The fit that made the folder does not take the refreshed one for its own."""
    arguments: dict[str, Any] = FIT | {"embeddings": WORLD.embeddings, "out": tmp_path / "r"}
    llminit.fit(OLD, WORLD.items, **arguments)
    refresh(tmp_path / "r", NEW, WORLD.items, embeddings=WORLD.embeddings)
    with pytest.raises(ConfigError, match="made from other data"):
        llminit.fit(OLD, WORLD.items, **arguments)


def test_rows_keep_what_was_learned() -> None:
    """With one new interaction, almost all served vectors stay nearly where they were."""
    old = fitted("softmax", init="whiten", refit=True)
    new = refreshed(old, NEW.filter(pl.col("user_id") == 3)[:1], WORLD.items, embeddings=WORLD.embeddings)[0]
    assert isinstance(old.model, DotProduct)
    assert isinstance(new.model, DotProduct)
    change = np.linalg.norm(new.model.users[:55] - old.model.users, axis=1) / np.linalg.norm(old.model.users, axis=1)
    assert np.sort(change)[:45].max() < 0.1
    assert change[3] == change.max()
