"""Items that come and go, interactions and the dial: seen at once, kept over a restart."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from served import N_ITEMS, N_USERS, Server, quoted, start
from serving_fixtures import Start

TENT = {"item_id": "n1", "title": "tents of the very new kind", "brand": "Acme", "year": 2030}


@pytest.fixture(scope="module")
def server(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a state that these tests share; each has items of its own."""
    folder = tmp_path_factory.mktemp("changes")
    running = start(saved, folder / "log", "--state", folder / "state")
    yield running
    running.end()


def test_everything_is_kept(saved: Path, tmp_path: Path, started: Start) -> None:
    """Items, removals, interactions and the dial give the same answers after a restart as before it."""
    server = started(saved, "--state", tmp_path / "state")
    assert server.ask("POST", "/items", TENT).status == 201
    assert server.ask("POST", "/items", [{"item_id": "n2", "title": "lamps"}, {"item_id": "n3"}]).status == 201
    assert server.ask("DELETE", "/items/i05").status == 200
    assert server.ask("DELETE", "/items/n2").status == 200
    rows = [{"user_id": "u01", "item_id": "n1"}, {"user_id": "new", "item_id": "i02", "rating": 4.5}]
    assert server.ask("POST", "/interactions", rows).json == {"n_interactions": 2}
    assert server.ask("POST", "/interactions", {"user_id": "new", "item_id": "i06"}).status == 201
    assert server.ask("PUT", "/exposure", {"exposure": 1.5}).json == {"exposure": 1.5}
    questions = [
        {"user_id": "u01", "k": 50},
        {"user_id": "new", "k": 50, "reasons": 2},
        {"history": ["n1", "n2"], "k": 50},
        {"text": "tents", "k": 50},
        {"user_id": "u02", "only": {"year": 2030}, "k": 5},
    ]
    before = [server.recommend(**question).json["items"] for question in questions]
    health = server.ask("GET", "/health").json
    assert (health["model"]["n_items"], health["model"]["n_users"]) == (N_ITEMS + 3, N_USERS + 1)
    assert health["state"] == {"n_items": 3, "n_removed": 2, "n_interactions": 3}
    assert server.end() == 0
    server = started(saved, "--state", tmp_path / "state")
    for question, rows in zip(questions, before, strict=True):
        after = server.recommend(**question).json["items"]
        assert [row["item_id"] for row in after] == [row["item_id"] for row in rows]
        assert [row["score"] for row in after] == pytest.approx([row["score"] for row in rows], rel=1e-4, abs=1e-4)
    assert server.ask("GET", "/health").json["state"] == health["state"]


def test_a_new_item_lands_among_its_like(server: Server) -> None:
    """An item that is added stands beside items of its kind, is recommended, marked, found, and can be replaced."""
    added = server.ask("POST", "/items", TENT).json["items"]
    assert added == [{"item_id": "n1", "title": TENT["title"], "n_interactions": 0, "added": True}]
    near = server.ask("GET", "/items/n1/similar?k=3").json["items"]
    assert all("tents" in row["title"] for row in near)
    row = next(row for row in server.recommend(history=["i01"], k=50).json["items"] if row["item_id"] == "n1")
    assert row["added"]
    assert server.ask("GET", "/items?q=very+new").items == ["n1"]
    server.ask("POST", "/items", TENT | {"title": "lamps"})
    assert "lamps" in server.ask("GET", "/items/n1/similar?k=1").json["items"][0]["title"]


def test_a_removed_item_is_gone(server: Server) -> None:
    """A removed item is in no list; whoever has it keeps it; added again it is back."""
    assert "i01" in server.recommend(history=["i05"], k=50).items
    assert server.ask("DELETE", "/items/i01").status == 200
    assert "i01" not in server.recommend(history=["i05"], k=50).items
    assert "i01" not in server.ask("GET", "/items/i05/similar?k=50").items
    assert "i01" not in server.ask("GET", "/items?q=tents&limit=100").items
    assert server.recommend(history=["i01"], k=2).status == 200
    assert server.ask("POST", "/items", {"item_id": "i01"}).status == 201
    assert "i01" in server.recommend(history=["i05"], k=50).items


def test_interactions_are_seen_at_once(server: Server) -> None:
    """What was just added is not recommended again, and a new user is known from then on."""
    first = server.recommend(user_id="u07", k=1).items[0]
    assert server.ask("POST", "/interactions", {"user_id": "u07", "item_id": first}).status == 201
    assert first not in server.recommend(user_id="u07", k=50).items
    assert server.recommend(user_id="ada").status == 404
    server.ask("POST", "/interactions", [{"user_id": "ada", "item_id": item} for item in ("i01", "i05")])
    assert "tents" in server.recommend(user_id="ada", k=1).json["items"][0]["title"]
    assert set(server.ask("GET", "/users/ada").json["items"][0]) == {"item_id", "title", "n_interactions", "added"}


def test_the_dial(server: Server) -> None:
    """A question may turn the dial for itself; at 0 no added item is shown, and higher up it stands higher."""
    server.ask("POST", "/items", TENT | {"item_id": "dialled"})
    ranks = []
    for exposure in (0.5, 3.0):
        items = server.recommend(history=["i09"], k=100, exposure=exposure).items
        ranks.append(items.index("dialled"))
    assert ranks[1] < ranks[0]
    assert "dialled" not in server.recommend(history=["i09"], k=100, exposure=0).items
    assert "dialled" in server.recommend(history=["i09"], k=100).items


def test_the_interactions_come_out_again(server: Server) -> None:
    """They are JSON Lines with the times when they came, from any of them on: what the next fit reads."""
    rows = [{"user_id": "bo", "item_id": f"i0{n}", "timestamp": 1000.0 + n} for n in range(3)]
    server.ask("POST", "/interactions", rows)
    lines = [json.loads(line) for line in server.ask("GET", "/interactions").body.splitlines()]
    mine = [line for line in lines if line["user_id"] == "bo"]
    assert [(line["item_id"], line["timestamp"]) for line in mine] == [(f"i0{n}", 1000.0 + n) for n in range(3)]
    rest = server.ask("GET", f"/interactions?after={mine[1]['seq']}").body.splitlines()
    assert [json.loads(line) for line in rest] == mine[2:]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/items", {"item_id": "i01", "title": "x"}, 400, "known from training"),
        ("POST", "/items", {"title": "x"}, 422, "item_id is missing"),
        ("POST", "/items", [{"item_id": "a"}, {"item_id": ""}], 422, "item_id="),
        ("POST", "/items", [], 422, "found no items"),
        ("POST", "/items", {"item_id": "a", "title": {"b": 1}}, 422, "title"),
        ("POST", "/items", {"item_id": "a", "year": "soon"}, 400, "year"),
        ("POST", "/items", {"item_id": "a", "title": "x" * 10_001}, 422, "10001 characters"),
        ("POST", "/items", [{"item_id": f"a{n}"} for n in range(1001)], 422, "found 1001 items"),
        ("DELETE", "/items/x9", None, 404, "unknown item id 'x9'"),
        ("POST", "/interactions", {"user_id": "u01", "item_id": "x9"}, 404, "unknown item id 'x9'"),
        ("POST", "/interactions", {"user_id": "u01"}, 422, "item_id is missing"),
        ("POST", "/interactions", {"user_id": True, "item_id": "i01"}, 422, "user_id=True"),
        ("POST", "/interactions", b'{"user_id": "u01", "item_id": "i01", "rating": NaN}', 422, "rating=nan"),
        ("PUT", "/exposure", {"exposure": -1}, 422, "exposure=-1"),
    ],
)
def test_changes_that_cannot_be_made(
    server: Server, method: str, path: str, body: object, status: int, words: str
) -> None:
    """A change that cannot be made is refused with a message, and leaves no trace."""
    before = server.ask("GET", "/health").json["state"]
    reply = server.ask(method, path, body)
    assert (reply.status, words in reply.json["detail"]) == (status, True), reply.body
    assert server.ask("GET", "/health").json["state"] == before


def test_odd_ids(server: Server) -> None:
    """Ids with slashes, spaces, signs and letters of any script work in bodies and, quoted, in paths."""
    for item in ("a/b", "a b", "%41", "日本", "a?b#c", "..", "similar"):
        assert server.ask("POST", "/items", {"item_id": item, "title": "lamps"}).status == 201, item
        assert server.ask("GET", f"/items/{quoted(item)}").json["item_id"] == item
        assert server.ask("GET", f"/items/{quoted(item)}/similar?k=1").status == 200
        assert server.ask("DELETE", f"/items/{quoted(item)}").json == {"removed": item}
