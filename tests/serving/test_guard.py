"""The token, the limits and what stands around every answer, without a socket."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from llminit.serving.guard import Guard, Rates
from llminit.serving.metrics import Metrics
from llminit.serving.problems import Problem
from llminit.serving.settings import ServeSettings
from own_loop import run_apart

Headers = dict[str, str]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer with how long it is; fail where the path says so."""
    if scope["path"] == "/fail":
        raise RuntimeError("gremlins with secret words")
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


class Asked:
    """A guard around `echo`, and what it logged."""

    def __init__(self, **settings: Any) -> None:
        self.metrics, self.lines = Metrics(), list[dict[str, Any]]()
        self.guard = Guard(echo, ServeSettings(**settings), self.metrics, self.log)

    def log(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append({"level": level, "event": event} | fields)

    def __call__(
        self,
        path: str = "/recommend",
        headers: Headers | None = None,
        parts: Sequence[bytes] = (b"{}",),
        method: str = "POST",
    ) -> tuple[int, Headers, bytes]:
        messages: list[Message] = [
            {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
            for number, part in enumerate(parts)
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs, "client": ("10.0.0.1", 5)}
        run_apart(self.guard(scope, receive, send))
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer secret", 200),
        ("bearer secret", 200),
        ("Bearer  secret", 200),
        ("Bearer Secret", 401),
        ("Bearer secre", 401),
        ("Bearer secrett", 401),
        ("Bearer", 401),
        ("Basic secret", 401),
        ("secret", 401),
        ("", 401),
        (None, 401),
    ],
)
def test_the_token(authorization: str | None, expected: int) -> None:
    """Only the token itself opens; without it the answer is 401 and says what to send."""
    headers = {} if authorization is None else {"Authorization": authorization}
    status, answered, body = Asked(token=SecretStr("secret"))(headers=headers)
    assert status == expected
    if expected == 401:
        assert answered["www-authenticate"] == "Bearer"
        assert "send the header Authorization: Bearer TOKEN" in json.loads(body)["detail"]


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/openapi.json", "/page/page.js"])
def test_what_needs_no_token(path: str) -> None:
    """The page, the documentation and the health are open; a path that only begins like one of them is not."""
    asked = Asked(token=SecretStr("secret"))
    assert asked(path)[0] == 200
    assert asked(f"{path}x")[0] == 401


def test_long_bodies() -> None:
    """A body that is too long is refused, by what it says of itself and by what comes, whatever it says."""
    asked = Asked(max_body_bytes=1024)
    assert asked(parts=[b"x" * 1024])[::2] == (200, b"1024")
    assert asked(headers={"Content-Length": "1025"}, parts=[b""])[0] == 413
    status, _, body = asked(headers={"Content-Length": "5"}, parts=[b"x" * 1000, b"x" * 25])
    assert status == 413
    assert "expected at most 1024" in json.loads(body)["detail"]


def test_rates() -> None:
    """A client may ask so often a second, after a pause as often at once; others are not held back by it."""
    now = [100.0]
    rates = Rates(2, lambda: now[0])
    for _ in range(2):
        rates.check("a")
    with pytest.raises(Problem) as refused:
        rates.check("a")
    assert refused.value.status_code == 429
    assert refused.value.headers == {"Retry-After": "1"}
    rates.check("b")
    now[0] += 0.5
    rates.check("a")
    with pytest.raises(Problem):
        rates.check("a")
    now[0] += 60
    for _ in range(2):
        rates.check("a")
    with pytest.raises(Problem):
        rates.check("a")


def test_the_rate_is_of_the_client() -> None:
    """With a rate the guard answers 429 when a client asks too often."""
    asked = Asked(rate=1)
    assert [asked()[0] for _ in range(3)] == [200, 429, 429]


@pytest.mark.parametrize(
    ("origin", "method", "expected"),
    [
        (None, "POST", 200),
        ("http://127.0.0.1:8000", "POST", 200),
        ("http://evil.example", "POST", 403),
        ("null", "POST", 403),
        ("http://[", "DELETE", 403),
        ("http://evil.example", "GET", 200),
    ],
)
def test_pages_of_other_sites(origin: str | None, method: str, expected: int) -> None:
    """What a page of another site makes a browser send changes nothing, unless there is a token, which it has not."""
    headers = {"Host": "127.0.0.1:8000"} | ({} if origin is None else {"Origin": origin})
    assert Asked()(headers=headers, method=method)[0] == expected
    with_token = Asked(token=SecretStr("t"))
    assert with_token(headers=headers | {"Authorization": "Bearer t"}, method=method)[0] == 200


def test_a_failure_is_logged_and_not_told() -> None:
    """A failure of the server is 500 with an id; the log has the traceback under it, and the answer has not."""
    asked = Asked()
    status, answered, body = asked("/fail")
    assert status == 500
    assert b"gremlins" not in body
    line = next(line for line in asked.lines if line["event"] == "failed")
    assert line["request_id"] == answered["x-request-id"]
    assert answered["x-request-id"] in json.loads(body)["detail"]
    assert "gremlins" in "".join(line["traceback"])


def test_every_answer_has_the_headers() -> None:
    """No answer can be framed, sniffed or kept by a cache, refusals neither."""
    for asked in (Asked(), Asked(token=SecretStr("t"))):
        _, answered, _ = asked()
        assert answered["x-content-type-options"] == "nosniff"
        assert answered["cache-control"] == "no-store"
        assert answered["x-frame-options"] == "DENY"
        assert answered["x-request-id"]
