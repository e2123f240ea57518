"""Signs of life: who is gone is named, why it left is said, and a store that does not answer stops nobody for ever."""

import threading
from collections.abc import Iterator

import pytest

from llminit.distributed import vitals as module
from llminit.distributed.store import GuardedStore
from llminit.distributed.vitals import Vitals
from llminit.errors import ConfigError, RanksError


class Keys:
    """A store in memory; while it is cut off, nothing answers."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.answers = threading.Event()
        self.answers.set()

    def set(self, key: str, value: str) -> None:
        self.answers.wait()
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.values[key]

    def check(self, keys: list[str]) -> bool:
        self.answers.wait()
        if keys == ["broken"]:
            raise RuntimeError("connection reset by peer")
        return keys[0] in self.values


@pytest.fixture
def keys() -> Iterator[Keys]:
    store = Keys()
    yield store
    store.answers.set()


def vitals_of(keys: Keys, rank: int, silent_seconds: float = 5) -> Vitals:
    return Vitals(GuardedStore(keys, silent_seconds), rank, 3, silent_seconds)


def test_a_store_that_is_cut_off(keys: Keys) -> None:
    """A question is given up after the time it may take, the next one at once; errors of the store pass through."""
    store = GuardedStore(keys, 0.2)
    store.set("a", "1")
    assert (store.read("a"), store.read("b")) == ("1", None)
    with pytest.raises(RuntimeError, match="connection reset"):
        store.read("broken")
    keys.answers.clear()
    with pytest.raises(RuntimeError, match=r"did not answer within 0\.2 s"):
        store.read("a")
    with pytest.raises(RuntimeError, match="has not answered before"):
        store.read("a")


def test_a_rank_that_failed_says_why(keys: Keys) -> None:
    """Who waits for a rank that ended by an error of its own hears that error."""
    other, own = vitals_of(keys, 0), vitals_of(keys, 1)
    other.stop(ConfigError("lower the learning rate"))
    own.doing = "waiting for rank 0"
    with pytest.raises(
        RanksError, match=r"rank 0 \(process .*\) failed: lower the learning rate while rank 1 was waiting"
    ):
        own.check(0)
    own.stop()


def test_a_silent_rank_is_gone(keys: Keys) -> None:
    """Who gives no sign of life counts as gone after a while, and not before."""
    silent, own = vitals_of(keys, 2), vitals_of(keys, 1, 0.2)
    silent.stop()
    own.check(2)
    threading.Event().wait(0.3)
    with pytest.raises(RanksError, match=r"rank 2 \(.*\) is gone \(no sign of life for 0\.2 s\)"):
        own.check(2)
    own.stop()


def test_the_cause_is_named_and_not_its_victims(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ranks that are silent, those that left because of another one are not named."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    victim, killed, own = (vitals_of(keys, rank) for rank in (0, 1, 2))
    for rank in (victim, killed):
        rank.stop()
    victim.lost(RuntimeError("reset"))
    message = str(own.lost(RuntimeError("connection closed by peer")))
    assert message.startswith("rank 1 (process")
    assert "rank 0" not in message
    assert "run the same command again" in message
    keys.answers.clear()
    own.store = GuardedStore(keys, 0.1)
    assert str(own.lost(RuntimeError("timed out"))).startswith(
        "rank 0, or the launcher that the ranks meet at, is gone"
    )
    keys.answers.set()
    own.stop()
