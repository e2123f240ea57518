"""A server that starts again is where it was, whatever it was told."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.errors import LLMInitError
from llminit.recommender import Recommender
from llminit.serving.changes import Change, ExposureSet, InteractionsAdded, ItemsAdded, ItemsRemoved
from llminit.serving.encoding import Encoders
from llminit.serving.live import Live
from llminit.serving.metrics import Metrics
from llminit.serving.settings import ServeSettings
from llminit.serving.store import Store
from own_loop import run_apart
from served import WordsEncoder, small_recommender

SETTINGS = ServeSettings()
ENCODERS = Encoders(lambda _: WordsEncoder())
new_items = st.sampled_from(["n0", "n1", "n2", "i01"])
changes = st.one_of(
    st.tuples(new_items, st.sampled_from(["tents", "lamps", "red books"])).map(
        lambda parts: ItemsAdded([{"item_id": parts[0], "title": parts[1]}])
    ),
    (new_items | st.just("x9")).map(lambda item: ItemsRemoved([item])),
    st.tuples(st.sampled_from(["u01", "ada", "bo"]), new_items | st.sampled_from(["i05", "x9"])).map(
        lambda pair: InteractionsAdded([{"user_id": pair[0], "item_id": pair[1]}])
    ),
    st.sampled_from([0.0, 0.5, 2.0]).map(ExposureSet),
)


def silent(level: str, event: str, **fields: Any) -> None:
    """Log nothing."""


def open_live(folder: Path, state: Path) -> Live:
    return Live(folder, Store.open(state), ENCODERS, SETTINGS, Metrics(), silent)


async def told(live: Live, told_changes: list[Change]) -> list[Any]:
    """Make changes at the same time, and return the models or errors that they gave."""
    return await asyncio.gather(*map(live.change, told_changes), return_exceptions=True)


def lists(recommender: Recommender) -> Any:
    users = sorted(str(user) for user in recommender.users.ids)
    table = recommender.recommend(users, 60)
    return {user: set(table.filter(table["user_id"] == user)["item_id"]) for user in users}


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(st.lists(changes, min_size=1, max_size=5), min_size=1, max_size=4))
def test_started_again_it_knows_the_same(saved_once: Path, batches: list[list[Change]]) -> None:
    """After any changes, in any batches, a new start gives the same items, users, histories and dial."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"

        async def scenario() -> Recommender:
            live = open_live(saved_once, state)
            for batch in batches:
                results = await told(live, batch)
                assert all(isinstance(result, LLMInitError) or result.recommender for result in results)
            before = live.model.recommender
            await live.close()
            return before

        before = run_apart(scenario())
        live = open_live(saved_once, state)
        after = live.model.recommender
        run_apart(live.close())
        assert set(after.items.ids) == set(before.items.ids)
        assert after.exposure == before.exposure
        assert lists(after) == lists(before)


@pytest.fixture(scope="session")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once") / "model"
    small_recommender().save(folder)
    return folder


def test_changes_of_one_moment_are_made_one_by_one(saved_once: Path, tmp_path: Path) -> None:
    """Where one of many cannot be made, the others are; each asker gets their own result."""

    async def scenario() -> None:
        live = open_live(saved_once, tmp_path / "state")
        rows = [{"user_id": "ada", "item_id": item} for item in ("i01", "x9", "i02")]
        results = await told(live, [InteractionsAdded([row]) for row in rows])
        assert [isinstance(result, LLMInitError) for result in results] == [False, True, False]
        history = live.model.recommender.user_history("ada")["item_id"].to_list()
        assert sorted(history) == ["i01", "i02"]
        assert live.store is not None
        assert live.store.n_interactions == 2
        await live.close()

    run_apart(scenario())


def test_an_item_of_another_encoder_is_encoded_again(saved_once: Path, tmp_path: Path) -> None:
    """Where the new model has another encoder, stored text embeddings are of no use and the texts are encoded again."""

    async def add() -> None:
        live = open_live(saved_once, tmp_path / "state")
        await live.change(ItemsAdded([{"item_id": "n0", "title": "tents"}]))
        await live.close()

    class Louder(WordsEncoder):
        def identity(self) -> dict[str, str | int | float | bool]:
            return {"encoder": "louder"}

        def encode(self, texts: Any) -> Any:
            return super().encode([text.upper() + " tents tents" for text in texts])

    run_apart(add())
    other = small_recommender()
    assert other.text is not None
    object.__setattr__(other.text, "identity", Louder().identity())
    other.save(tmp_path / "other")
    live = Live(
        tmp_path / "other", Store.open(tmp_path / "state"), Encoders(lambda _: Louder()), SETTINGS, Metrics(), silent
    )
    texts = live.model.recommender.folded_texts
    assert texts is not None
    expected = Louder().encode(["tents"])[0]
    np.testing.assert_allclose(texts[0], expected, rtol=1e-5)
    run_apart(live.close())
