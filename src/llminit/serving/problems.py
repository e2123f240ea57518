"""What went wrong, as HTTP says it: a status, and a message in the project's style (RFC 9457)."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from llminit.errors import (
    EndpointError,
    InputError,
    LLMInitError,
    MissingExtraError,
    StorageError,
    UnknownIdError,
    shown,
)

MEDIA_TYPE = "application/problem+json"
_MOST_SAID = 3
_MEMBER = re.compile(r"constrained-\w+|str|int|bool|float|list\[.*\]|function-.*|\[one\]|\[many\]")


class Problem(HTTPException):
    """An answer that is an error.

    Args:
        status: The HTTP status.
        detail: What was found, what was expected and what to do.
        headers: To be sent with it.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)

    def response(self) -> Response:
        """Return the problem as an answer."""
        document = {"status": self.status_code, "title": HTTPStatus(self.status_code).phrase, "detail": self.detail}
        # Lone surrogates of a caller's text are no UTF-8.
        body = json.dumps(document, ensure_ascii=False).encode(errors="replace")
        return Response(body, self.status_code, self.headers, MEDIA_TYPE)


def problem_of(error: LLMInitError) -> Problem:
    """Return an error of the library as a problem."""
    if isinstance(error, UnknownIdError):
        return Problem(404, str(error))
    if isinstance(error, MissingExtraError):
        return Problem(501, f"{error}; then start the server again")
    if isinstance(error, EndpointError):
        return Problem(503, str(error), {"Retry-After": "10"})
    if isinstance(error, StorageError):
        return Problem(507, str(error))
    return Problem(400 if isinstance(error, InputError) else 500, str(error))


def invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return what pydantic found wrong with a request as a problem."""
    first = errors[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return Problem(400, f'the body is not JSON ({reason}); send one JSON object, such as {{"user_id": 1}}')
    if isinstance(first.get("input"), bytes):
        return Problem(
            415, "the body does not say that it is JSON; send it with the header Content-Type: application/json"
        )
    said: dict[str, list[str]] = {}
    for error in errors:
        name, reason = _name_and_reason(error)
        said.setdefault(name, [])
        if reason not in said[name]:
            said[name].append(reason)
    sentences = [f"{name}{' or '.join(reasons)}" for name, reasons in said.items()]
    more = f"; and {len(sentences) - _MOST_SAID} more" if len(sentences) > _MOST_SAID else ""
    return Problem(422, f"{'; '.join(sentences[:_MOST_SAID])}{more}: see /docs for what can be sent")


def _name_and_reason(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return where an error is, with what was found there, and what was expected."""
    # The first part says body, query or path; the names of a union's members say nothing to a caller.
    where = [str(part) for part in error["loc"][1:] if not _MEMBER.fullmatch(str(part))]
    name = ".".join(where) or "the body"
    if error["type"] == "missing":
        return name, " is missing"
    if error["type"] == "extra_forbidden":
        return name, " is not known"
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return "" if not where else f"{name}: ", reason
    reason = f"{reason[:1].lower()}{reason[1:]}".removeprefix("input should be ").replace(" to extract fields from", "")
    return f"{name}={shown(error.get('input'))}, expected ", reason
