"""What stands before every route: the token, limits on bodies and rates, request ids, the log and the metrics."""

import hmac
import re
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llminit.serving.logs import Log
from llminit.serving.metrics import Metrics
from llminit.serving.problems import Problem
from llminit.serving.settings import ServeSettings

OPEN_PATHS = frozenset({"/", "/health", "/docs", "/openapi.json", "/page/page.js", "/page/page.css", "/page/docs.js"})
"""What needs no token: it holds nothing of the data."""

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_MOST_CLIENTS = 10_000


class Guard:
    """Refuses what may not pass, and counts and logs everything.

    Args:
        app: What answers.
        settings: The token and the limits.
        metrics: Counts.
        log: Writes a line for each request.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics, log: Log) -> None:
        self._app, self._metrics, self._log = app, metrics, log
        self._token = None if settings.token is None else settings.token.get_secret_value().encode()
        self._max_body = settings.max_body_bytes
        self._rates = Rates(settings.rate) if settings.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        asked = headers.get(b"x-request-id", b"")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid4().hex[:16].encode()
        sent = _Sent(send, request_id)
        try:
            self._check(scope, headers)
            limited = LimitedBody(receive, self._max_body)
            limited.check_length(headers.get(b"content-length"))
            await self._app(scope, limited, sent)
        except Problem as problem:
            if sent.status:
                raise
            await problem.response()(scope, receive, sent)
        except Exception as error:
            where = traceback.format_exception(error)
            self._log("error", "failed", request_id=request_id.decode(), path=scope["path"], traceback=where)
            if sent.status:
                raise
            await _failed(request_id).response()(scope, receive, sent)
        finally:
            self._note(scope, sent.status or 499, time.perf_counter() - started, request_id)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        _check_origin(scope, headers, has_token=self._token is not None)
        if self._token is not None and scope["path"] not in OPEN_PATHS:
            self._check_token(headers.get(b"authorization", b""))
        if self._rates is not None:
            self._rates.check(scope["client"][0] if scope.get("client") else "")

    def _check_token(self, authorization: bytes) -> None:
        scheme, _, token = authorization.partition(b" ")
        # The time that a comparison takes must not say how much of a guess is right.
        if not hmac.compare_digest(token.strip(), self._token or b"") or scheme.lower() != b"bearer":
            found = "another one" if authorization else "none"
            raise Problem(
                401,
                f"found {found}, expected the server's token; send the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    def _note(self, scope: Scope, status: int, seconds: float, request_id: bytes) -> None:
        # The route and not the path, of which there are as many as items.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if route != "other" else "other"
        self._metrics.requests.add(method=method, route=route, status=str(status))
        self._metrics.seconds.observe(seconds, route=route)
        self._log(
            "info",
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            request_id=request_id.decode(),
            client=scope["client"][0] if scope.get("client") else None,
        )


class LimitedBody:
    """Receives a body of at most so many bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._received = receive, most, 0

    def check_length(self, header: bytes | None) -> None:
        """Refuse a body that says it is too long before it is read."""
        if header is not None and header.isdigit() and int(header[:20]) > self._most:
            self._refuse(f"{int(header[:20])} bytes")

    async def __call__(self) -> Message:
        """Return the next part."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._most:
            self._refuse(f"more than {self._most} bytes")
        return message

    def _refuse(self, found: str) -> None:
        raise Problem(413, f"the body has {found}, expected at most {self._most}; send less at a time")


class Rates:
    """So many requests a second for each client, and as many at once after a pause (a token bucket)."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._most = max(rate, 1.0)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Count a request of a client.

        Raises:
            Problem: It is one too many.
        """
        now = self._clock()
        left, at = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        self._left[client] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        if left < 1:
            wait = (1 - left) / self._rate
            raise Problem(
                429,
                f"found more than {self._rate:g} requests a second, expected fewer; wait {wait:.1f} s",
                {"Retry-After": str(int(wait) + 1)},
            )


class _Sent:
    """Sends an answer, with the headers that all have, and remembers its status."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self._request_id, self.status = send, request_id, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            has = {name for name, _ in headers}
            headers += [(name, value) for name, value in _HEADERS.items() if name not in has]
            headers.append((b"x-request-id", self._request_id))
            message = {**message, "headers": headers}
        await self._send(message)


def _check_origin(scope: Scope, headers: dict[bytes, bytes], *, has_token: bool) -> None:
    """Refuse what a page of another site makes a browser send: on this machine no token may be between them."""
    origin = headers.get(b"origin")
    if origin is None or has_token or scope["method"] in ("GET", "HEAD"):
        return
    try:
        host = urlsplit(origin.decode("latin-1")).netloc
    except ValueError:
        host = ""
    if host != headers.get(b"host", b"").decode("latin-1"):
        raise Problem(
            403,
            "the request comes from a page of another site, expected one of this server; start the server with a token "
            "to allow others",
        )


def _failed(request_id: bytes) -> Problem:
    return Problem(
        500,
        f"the server failed; its log says why, at request_id {request_id.decode()}: report it to whoever runs it",
    )
