"""What each route promises, asked of a real server."""

from typing import Any

import pytest

from served import N_ITEMS, WIDTH, Server, WordsEncoder, quoted, small_recommender

RECOMMENDER = small_recommender()


def detail(reply: Any) -> str:
    """The message of a problem, after checking that it is one."""
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == reply.status
    text: str = reply.json["detail"]
    return text


def test_a_user(server: Server) -> None:
    """A known user gets what the recommender says, with scores, ranks and titles."""
    expected = RECOMMENDER.recommend(["u03"], 7)
    reply = server.recommend(user_id="u03", k=7)
    assert reply.status == 200
    rows = reply.json["items"]
    assert [(row["item_id"], row["rank"], row["title"]) for row in rows] == list(
        expected.select("item_id", "rank", "title").rows()
    )
    assert [row["score"] for row in rows] == pytest.approx(expected["score"].to_list(), rel=1e-5)


def test_a_history(server: Server) -> None:
    """A history is answered as the recommender answers it, whoever it is of."""
    expected = RECOMMENDER.recommend_for_history(["i01", "i05"], 5)
    assert server.recommend(history=["i01", "i05"], k=5).items == expected["item_id"].to_list()


def test_an_empty_history(server: Server) -> None:
    """Nothing is known of an empty history, and there is an answer nevertheless."""
    assert len(server.recommend(history=[], k=4).items) == 4


def test_words(server: Server) -> None:
    """Words are answered with the items whose texts are like them."""
    reply = server.recommend(text="lamps", k=4)
    expected = RECOMMENDER.recommend_for_text("lamps", 4, encoder=WordsEncoder())
    assert reply.items == expected["item_id"].to_list()
    assert all("lamps" in row["title"] for row in reply.json["items"])


def test_what_is_seen(server: Server) -> None:
    """What a user has is not recommended, unless that is asked for."""
    has = set(RECOMMENDER.user_history("u04")["item_id"])
    assert not has & set(server.recommend(user_id="u04", k=N_ITEMS).items)
    assert has <= set(server.recommend(user_id="u04", k=N_ITEMS, include_seen=True).items)


def test_filters(server: Server) -> None:
    """`only`, `candidates` and `exclude` narrow the list, together too, and what is left keeps its order."""
    everything = server.recommend(user_id="u00", k=N_ITEMS).items
    acme = [item for item in everything if int(item[1:]) % 3 == 0]
    assert server.recommend(user_id="u00", k=N_ITEMS, only={"brand": "Acme"}).items == acme
    assert server.recommend(user_id="u00", k=4, only={"brand": ["Acme"]}, exclude=acme[:2]).items == acme[2:6]
    assert server.recommend(user_id="u00", k=9, candidates=everything[5:8]).items == everything[5:8]
    assert server.recommend(user_id="u00", k=3, exclude=[everything[1], "unknown"]).items == [
        everything[0],
        *everything[2:4],
    ]
    years = server.recommend(user_id="u00", k=9, only={"year": [1990, "1993"]}).items
    assert set(years) <= {"i00", "i03"}


def test_pages(server: Server) -> None:
    """Pages follow each other without a gap, and ranks go on."""
    whole = server.recommend(user_id="u01", k=9).json["items"]
    pages = [server.recommend(user_id="u01", k=3, offset=offset).json["items"] for offset in (0, 3, 6)]
    assert [row["item_id"] for page in pages for row in page] == [row["item_id"] for row in whole]
    assert [row["rank"] for page in pages for row in page] == list(range(1, 10))


def test_reasons(server: Server) -> None:
    """Each item can say which items of the history speak for it; the largest share comes first."""
    rows = server.recommend(history=["i01", "i02"], k=5, reasons=2).json["items"]
    tents = next(row for row in rows if "tents" in row["title"])
    assert tents["because"][0]["item_id"] == "i01"
    assert "tents" in tents["because"][0]["title"]
    shares = [reason["share"] for reason in tents["because"]]
    assert shares == sorted(shares, reverse=True)
    assert all(row["because"] for row in server.recommend(user_id="u01", k=3, reasons=1).json["items"])


def test_the_diversity_dial(server: Server) -> None:
    """With the dial up the list is of more kinds; at 0 it is the plain one."""
    plain = server.recommend(user_id="u02", k=5)
    varied = server.recommend(user_id="u02", k=5, diversity=0.9)
    kinds = [len({row["title"].split()[0] for row in reply.json["items"]}) for reply in (plain, varied)]
    assert kinds[1] > kinds[0]
    assert varied.items == RECOMMENDER.recommend(["u02"], 5, diversity=0.9)["item_id"].to_list()


def test_similar_items(server: Server) -> None:
    """The nearest items of an item, page by page."""
    expected = RECOMMENDER.similar_items("i07", 6)["item_id"].to_list()
    assert server.ask("GET", "/items/i07/similar?k=6").items == expected
    assert server.ask("GET", "/items/i07/similar?k=3&offset=3").items == expected[3:]


def test_finding(server: Server) -> None:
    """Items are found by words of their title or their id, users by the beginning of their id."""
    assert set(server.ask("GET", "/items?q=TENTS&limit=100").items) == {f"i{n:02d}" for n in range(1, N_ITEMS, 4)}
    assert server.ask("GET", "/items?q=lamps+2").items[0] == "i02"
    assert server.ask("GET", f"/items?q={quoted('<b>(')}").items == []
    assert server.ask("GET", "/users?q=u1").json["users"] == [f"u1{n}" for n in range(10)]


def test_an_item_and_a_user(server: Server) -> None:
    """An item comes with its columns, a user with what they have, and the columns with what can be filtered by."""
    item = server.ask("GET", "/items/i04").json
    assert item["columns"] == {"title": item["title"], "brand": "Initech", "year": 1994}
    user = server.ask("GET", "/users/u05").json
    assert {row["item_id"] for row in user["items"]} == set(RECOMMENDER.user_history("u05")["item_id"])
    facets = {facet["name"]: facet["values"] for facet in server.ask("GET", "/columns").json["columns"]}
    assert set(facets["brand"]) == {"Acme", "Initech", "Umbrella"}


def test_health(server: Server) -> None:
    """The health says what serves."""
    health = server.ask("GET", "/health").json
    assert health["status"] == "ok"
    assert health["model"]["n_items"] == N_ITEMS
    assert health["model"]["n_items_added"] == 0
    assert health["search"] == {"kind": "exact"}
    assert health["state"] is None


def test_metrics(server: Server) -> None:
    """What was answered is counted by route and status, in the format of Prometheus."""
    server.recommend(user_id="u01")
    server.recommend(user_id="nobody")
    reply = server.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = reply.body.decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values['llminit_requests_total{method="POST",route="/recommend",status="200"}']) >= 1
    assert float(values['llminit_requests_total{method="POST",route="/recommend",status="404"}']) >= 1
    assert (
        values['llminit_request_seconds_bucket{route="/recommend",le="+Inf"}']
        == (values['llminit_request_seconds_count{route="/recommend"}'])
    )
    assert values["llminit_items"] == str(N_ITEMS)
    assert float(values["process_resident_memory_bytes"]) > 1e7
    helped = {line.split()[2] for line in lines if line.startswith("# HELP")}
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == helped


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ({"user_id": "u999"}, 404, ["unknown user id 'u999'", "send what the user has as history"]),
        ({"history": ["i01", "x9"]}, 404, ["unknown item id 'x9'", "skip_unknown"]),
        ({"user_id": "u01", "candidates": ["x9"]}, 404, ["not in the data", "'x9'"]),
        ({}, 422, ["found none of them", "exactly one of user_id, history and text"]),
        ({"user_id": "u01", "text": "lamps"}, 422, ["found user_id and text", "send one"]),
        ({"user_id": "u01", "only": {"colour": "red"}}, 400, ["no column 'colour'", "brand"]),
        ({"user_id": "u01", "only": {"brand": "None"}}, 400, ["no item has 'None'", "'Acme'"]),
        ({"user_id": "u01", "k": 0}, 422, ["k=0, expected", "greater than or equal to 1"]),
        ({"user_id": "u01", "k": 2, "offset": 999}, 422, ["found 1001 items", "at most 1000"]),
        ({"user_id": "u01", "K": 2}, 422, ["K is not known"]),
        ({"user_id": ["u01"]}, 422, ["user_id=['u01'], expected a valid integer or a valid string"]),
        ({"user_id": 2**64}, 422, ["user_id=18446744073709551616, expected"]),
        ({"history": ["i01"] * 1001}, 422, ["found 1001 ids in history", "at most 1000"]),
        ({"user_id": "u01", "diversity": 2}, 422, ["diversity=2, expected less than or equal to 1"]),
        ({"text": "  "}, 400, ["expected some words"]),
    ],
)
def test_what_cannot_be_asked(server: Server, question: dict[str, Any], status: int, words: list[str]) -> None:
    """A question that cannot be answered is refused with what was found, what was expected and what to do."""
    reply = server.recommend(**question)
    assert reply.status == status
    assert all(word in detail(reply) for word in words), detail(reply)


def test_unknown_items_of_a_history_can_be_left_out(server: Server) -> None:
    """With skip_unknown a history is answered by what is known of it."""
    reply = server.recommend(history=["i01", "x9"], k=3, skip_unknown=True, reasons=1)
    assert reply.items == server.recommend(history=["i01"], k=3).items


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/recommend", b'{"user_id": 1', 400, "the body is not JSON"),
        ("POST", "/recommend", b"[1, 2]", 422, "expected a valid dictionary"),
        ("POST", "/recommend", b"\xff\xfe", 400, "the body is not JSON"),
        ("POST", "/recommend", b"[" * 100_000, 400, "see /docs"),
        ("GET", "/recommend", None, 405, "/recommend does not take GET"),
        ("GET", "/nothing", None, 404, "there is no /nothing; see /docs"),
        ("GET", "/items/x9/similar", None, 404, "unknown item id 'x9'"),
        ("GET", "/items/x9", None, 404, "unknown item id 'x9'"),
        ("GET", "/users/x9", None, 404, "unknown user id 'x9'"),
        ("GET", "/items/i01/similar?k=x", None, 422, "k='x', expected a valid integer"),
        ("GET", "/interactions", None, 404, "keeps no state"),
        ("DELETE", "/items/i01", None, 403, "keeps no state"),
        ("POST", "/items", {"item_id": "n"}, 403, "keeps no state"),
        ("POST", "/interactions", {"user_id": "u01", "item_id": "i01"}, 403, "keeps no state"),
    ],
)
def test_wrong_requests(server: Server, method: str, path: str, body: Any, status: int, words: str) -> None:
    """Wrong bodies, methods and paths are problems with a message, and never a failure of the server."""
    reply = server.ask(method, path, body)
    assert (reply.status, words in detail(reply)) == (status, True), reply.body


def test_a_body_that_is_not_said_to_be_json(server: Server) -> None:
    """A body of another type is refused: a page of another site can make a browser send one."""
    reply = server.ask("POST", "/recommend", b'{"user_id": "u01"}', Content_Type="text/plain")
    assert reply.status == 415
    assert "Content-Type: application/json" in detail(reply)


def test_an_answer_says_which_request_it_is_of(server: Server) -> None:
    """A request id is kept if it is harmless, made up otherwise, and stands in the log with what came of it."""
    assert server.ask("GET", "/health", X_Request_Id="abc-1").headers["x-request-id"] == "abc-1"
    made = server.ask("GET", "/health", X_Request_Id="a b").headers["x-request-id"]
    assert made != "a b"
    line = next(line for line in server.log_until("request_id", made))
    assert (line["event"], line["route"], line["status"], line["method"]) == ("request", "/health", 200, "GET")


def test_the_documentation(server: Server) -> None:
    """The OpenAPI document names every route, and the pages load nothing from elsewhere."""
    document = server.ask("GET", "/openapi.json").json
    named = {(method, path) for path, routes in document["paths"].items() for method in routes}
    assert {
        ("post", "/recommend"),
        ("get", "/items/{item_id}/similar"),
        ("post", "/items"),
        ("delete", "/items/{item_id}"),
        ("post", "/interactions"),
        ("get", "/health"),
        ("get", "/metrics"),
    } <= named
    for path in ("/", "/docs", "/page/page.js", "/page/page.css", "/page/docs.js"):
        reply = server.ask("GET", path)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert b"https://" not in reply.body
    assert server.ask("GET", "/page/../settings.py").status == 404


def test_the_width_of_the_encoder() -> None:
    """The stand-in for a language model makes vectors of one width, for no texts too."""
    assert WordsEncoder().encode([]).shape == (0, WIDTH)
