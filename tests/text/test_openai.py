"""The encoder behind an HTTP endpoint, against a server on this machine."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_encoders import Notes, vector_of

from llminit.errors import ConfigError, EmbeddingError, EndpointError
from llminit.testing import check_encoder
from llminit.text import Encoder, EncodingCache, Engine, encode_texts, open_encoder

pytest.importorskip("openai")

Request = dict[str, Any]
# Status, headers and body.
Answer = tuple[int, dict[str, str], Any]
Script = Callable[[Request], Answer]


class Endpoint:
    """A server whose answers a test scripts: each entry of `script` answers one request, then all goes well."""

    def __init__(self) -> None:
        self.script: list[Script] = []
        self.requests: list[tuple[float, str, Message, Request]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append((time.monotonic(), self.path, self.headers, request))
                status, headers, body = endpoint.script.pop(0)(request) if endpoint.script else good(request)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def encoder(self, **options: Any) -> Encoder:
        return open_encoder("openai:small", base_url=self.url, api_key="sk-secret", **options)


def rows(request: Request, width: int | None = None) -> list[dict[str, Any]]:
    found = [vector_of(text, width or request.get("dimensions", 8)).tolist() for text in request["input"]]
    return [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(found)]


def answer(data: list[dict[str, Any]]) -> Answer:
    return 200, {}, {"object": "list", "model": "small", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def good(request: Request) -> Answer:
    return answer(rows(request))


def shuffled(request: Request) -> Answer:
    return answer(rows(request)[::-1])


def failing(status: int, message: str = "no", **headers: str) -> Script:
    return lambda request: (status, headers, {"error": {"message": message}})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    local = Endpoint()
    yield local
    local.server.shutdown()
    local.server.server_close()


def test_it_keeps_the_contract(endpoint: Endpoint) -> None:
    """The encoder behind an endpoint keeps the contract of all encoders."""
    check_encoder(endpoint.encoder())


def test_batches_and_order(endpoint: Endpoint) -> None:
    """Texts go in batches, with the key and the model; answers are put in order by their index."""
    endpoint.script = [shuffled, good, shuffled]
    texts = [f"text {number}" for number in range(7)]
    values = endpoint.encoder(batch_size=3).encode(texts)
    np.testing.assert_allclose(values, [vector_of(text) for text in texts], rtol=1e-6)
    assert values.dtype == np.float32
    assert sorted(len(request["input"]) for *_, request in endpoint.requests) == [1, 3, 3]
    _, path, headers, request = endpoint.requests[0]
    assert (path, request["model"], headers["Authorization"]) == ("/v1/embeddings", "small", "Bearer sk-secret")


def test_width_on_request(endpoint: Endpoint) -> None:
    """A requested width is sent along and is part of the identity; the key is not."""
    encoder = endpoint.encoder(dimensions=5)
    assert encoder.encode(["tea"]).shape == (1, 5)
    assert encoder.identity() != endpoint.encoder().identity()
    assert "secret" not in json.dumps(encoder.identity())


def test_retry_after_is_respected(endpoint: Endpoint) -> None:
    """After 429 with Retry-After, the request is sent again, not before that time has passed."""
    endpoint.script = [failing(429, **{"Retry-After": "1"})]
    np.testing.assert_allclose(endpoint.encoder().encode(["tea"]), [vector_of("tea")], rtol=1e-6)
    first, second = (started for started, *_ in endpoint.requests)
    assert second - first >= 0.95


def test_it_survives_failures_that_pass(endpoint: Endpoint) -> None:
    """Errors of the server are tried again, with waits in between."""
    endpoint.script = [failing(500), failing(503)]
    assert endpoint.encoder().encode(["tea"]).shape == (1, 8)
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("status", "advice", "tries"),
    [
        (401, "OPENAI_API_KEY", 1),
        (403, "use a key", 1),
        (404, "'small' exists", 1),
        (400, "too long", 1),
        (429, "requests_per_minute", 2),
        (500, "try again later", 2),
    ],
)
def test_refusals_say_what_to_do(endpoint: Endpoint, status: int, advice: str, tries: int) -> None:
    """A refusal that stays names the URL, the status, the reason and what to do, without the key."""
    endpoint.script = [failing(status, "because of this") for _ in range(tries)]
    with pytest.raises(EndpointError, match=advice) as caught:
        endpoint.encoder(max_retries=1).encode(["tea"])
    for part in (endpoint.url, str(status), "because of this"):
        assert part in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(endpoint.requests) == tries


def test_nobody_answers(endpoint: Endpoint) -> None:
    """A closed port is an endpoint error that names the URL."""
    url = endpoint.url
    endpoint.server.server_close()
    with pytest.raises(EndpointError, match="cannot be reached") as caught:
        open_encoder("openai:small", base_url=url, max_retries=1).encode(["tea"])
    assert url in str(caught.value)


def test_too_slow(endpoint: Endpoint) -> None:
    """An endpoint that does not answer in time is an endpoint error."""

    def slow(request: Request) -> Answer:
        time.sleep(0.5)
        return good(request)

    endpoint.script = [slow]
    with pytest.raises(EndpointError, match="cannot be reached"):
        endpoint.encoder(max_retries=0, timeout=0.1).encode(["tea"])


def ragged(request: Request) -> Answer:
    data = rows(request)
    data[0]["embedding"].append(1.0)
    return answer(data)


def renumbered(request: Request) -> Answer:
    return answer([{**row, "index": 0} for row in rows(request)])


def not_numbers(request: Request) -> Answer:
    return answer([{**row, "embedding": [1.0, None]} for row in rows(request)])


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ([lambda request: answer(rows(request)[:-1])], EmbeddingError, "1 vectors for 2 texts"),
        ([renumbered], EmbeddingError, "numbered them wrongly"),
        ([ragged], EmbeddingError, "different widths"),
        ([good, lambda request: answer(rows(request, 9))], EmbeddingError, "widths 8, 9"),
        ([lambda request: (200, {"Content-Type": "text/html"}, b"<html>")], EndpointError, "/v1"),
        ([lambda request: (200, {}, b"{broken")], EndpointError, "/v1"),
        ([lambda request: (200, {}, {"ok": True})], EndpointError, "/v1"),
        ([lambda request: (200, {}, [1])], EndpointError, "/v1"),
        ([lambda request: answer([])], EmbeddingError, "0 vectors for 2 texts"),
        ([not_numbers], EmbeddingError, "not numbers"),
        ([lambda request: answer([{"index": 0}, {"index": 1}])], EmbeddingError, "not numbers"),
        ([lambda request: answer([{"embedding": [1.0]}] * 2)], EmbeddingError, "numbered"),
    ],
)
def test_answers_that_cannot_be_used(
    endpoint: Endpoint, script: list[Script], error: type[Exception], message: str
) -> None:
    """An answer that is not one vector a text, of one width, is an error that says what it was."""
    endpoint.script = script
    with pytest.raises(error, match=message):
        endpoint.encoder(batch_size=2, max_retries=0).encode(["a", "b", "c", "d"])


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def test_requests_per_minute(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests start no faster than asked for, over several calls, and a pause is not made up for."""
    from llminit.text.backends import openai as backend

    clock = Clock()
    monkeypatch.setattr(backend, "time", clock)
    encoder = endpoint.encoder(batch_size=1, requests_per_minute=30)
    encoder.encode(["a", "b"])
    encoder.encode(["c"])
    clock.now += 60
    encoder.encode(["d", "e"])
    np.testing.assert_allclose(clock.sleeps, [0, 2, 2, 0, 2])


def test_the_public_endpoint_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the public endpoint is refused before anything is sent; the library reads no environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-environment")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        open_encoder("openai:text-embedding-3-small")
    with pytest.raises(ConfigError, match="not a URL"):
        open_encoder("openai:x", base_url="localhost:8000")


class Busy:
    """A script that keeps each request for a while, and counts how many are there at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self._lock:
            self.now -= 1
        return good(request)


def test_requests_side_by_side(endpoint: Endpoint, tmp_path: Path) -> None:
    """As many requests as asked for are on their way, across shards too, and never more; the order is kept."""
    busy, texts = Busy(0.05), [f"text {number}" for number in range(120)]
    endpoint.script = [busy] * 61
    encoder = endpoint.encoder(batch_size=2, concurrency=5)
    values = encode_texts(texts, encoder, EncodingCache(tmp_path), shard_size=4)
    np.testing.assert_allclose(values, [vector_of(text) for text in texts], rtol=1e-6)
    assert busy.most == 5
    assert len(endpoint.requests) == 60


def test_an_endpoint_that_refuses_now_and_then(endpoint: Endpoint, tmp_path: Path) -> None:
    """With refusals of both kinds among requests side by side, every text gets its vector, and no more are sent."""
    busy, texts = Busy(0.01), [f"text {number}" for number in range(40)]
    endpoint.script = [busy, failing(429, **{"Retry-After": "0.1"}), busy, failing(503), failing(500), *[busy] * 20]
    values = encode_texts(texts, endpoint.encoder(batch_size=2, concurrency=4), EncodingCache(tmp_path), shard_size=8)
    np.testing.assert_allclose(values, [vector_of(text) for text in texts], rtol=1e-6)
    assert busy.most <= 4
    assert len(endpoint.requests) == 23


def test_a_refusal_that_stays_ends_the_run(endpoint: Endpoint, tmp_path: Path) -> None:
    """After a refusal that stays, what is still waiting is not sent; the same call goes on with what is kept."""
    cache, texts = EncodingCache(tmp_path), [f"text {number}" for number in range(200)]
    endpoint.script = [*[good] * 20, failing(400, "too long"), *[failing(400)] * 6]
    with pytest.raises(EndpointError, match="status 400"):
        encode_texts(texts, endpoint.encoder(batch_size=2, concurrency=2, max_retries=0), cache, shard_size=4)
    n_sent = len(endpoint.requests)
    assert n_sent < 40
    endpoint.script = []
    values = encode_texts(texts, endpoint.encoder(batch_size=2), cache, shard_size=4)
    np.testing.assert_allclose(values, [vector_of(text) for text in texts], rtol=1e-6)
    assert len(endpoint.requests) - n_sent < 100


def test_workers_play_no_part(endpoint: Endpoint, tmp_path: Path) -> None:
    """One process keeps an endpoint busy; that workers play no part is said."""
    reporter = Notes()
    encode_texts(["a"], endpoint.encoder(), EncodingCache(tmp_path), reporter, engine=Engine("local", 3))
    assert "workers plays no part" in reporter.notes[0]
