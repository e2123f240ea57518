"""The application: routes, what stands before them, and what starts and ends with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from llminit.errors import LLMInitError
from llminit.recommender.few import prepare
from llminit.serving.encoding import Encoders, OpenEncoder
from llminit.serving.guard import Guard
from llminit.serving.live import Live, version_of
from llminit.serving.logs import JsonLog, Log
from llminit.serving.metrics import Metrics
from llminit.serving.problems import Problem, invalid, problem_of
from llminit.serving.routes import items, pages, questions, running
from llminit.serving.service import Service
from llminit.serving.settings import ServeSettings
from llminit.serving.store import Store
from llminit.version import __version__

_ABOUT = (
    "Recommendations from a saved recommender. Errors are problem documents (RFC 9457) whose detail says what was "
    "found, what was expected and what to do."
)


def create_app(
    folder: str | Path,
    settings: ServeSettings | None = None,
    *,
    open_encoder: OpenEncoder | None = None,
    log: Log | None = None,
) -> FastAPI:
    """Return an ASGI application that serves a saved recommender.

    Args:
        folder: What `Recommender.save` wrote.
        settings: The limits, the token and the state; by default it keeps no state.
        open_encoder: Opens the encoder of a recommender's texts; by default questions in words open it each time.
        log: Told what happens; by default it goes to stderr as JSON.

    Raises:
        ArtefactError: The folder cannot be loaded.
        StorageError: The state cannot be opened, or another server has it open.
    """
    settings, log, metrics = settings or ServeSettings(), log or JsonLog(), Metrics()
    store = None if settings.state is None else Store.open(settings.state)
    try:
        live = Live(Path(folder), store, Encoders(open_encoder), settings, metrics, log)
    except BaseException:
        if store is not None:
            store.close()
        raise
    service = Service(live, settings, metrics)
    app = FastAPI(
        title="LLMInit",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(service, log),
        responses={status: {"description": text, "content": _PROBLEM} for status, text in _PROBLEMS.items()},
    )
    app.state.service = service
    for routes in (questions, items, running, pages):
        app.include_router(routes.router)
    app.add_exception_handler(LLMInitError, _library_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_middleware(Guard, settings=settings, metrics=metrics, log=log)
    return app


_PROBLEM: dict[str, Any] = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "properties": {"status": {"type": "integer"}, "title": {"type": "string"}, "detail": {"type": "string"}},
        }
    }
}
_PROBLEMS: dict[int | str, str] = {
    400: "It cannot be used",
    401: "The token is missing or another one",
    404: "The user or item is not known",
    413: "The body is too long",
    422: "A field is missing, unknown or of the wrong kind",
    429: "Too many requests of one client",
    501: "An extra is not installed",
    503: "Too many requests at once",
    507: "It could not be stored",
}


def _lifespan(service: Service, log: Log) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(_watch(service.live, service.settings.watch_seconds, log))
        preparing = asyncio.create_task(asyncio.to_thread(prepare, service.live.model.recommender.model))
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await service.close()
        await preparing

    return lifespan


async def _watch(live: Live, seconds: float, log: Log) -> None:
    """Load the folder again when another manifest is there."""
    tried = live.model.version
    while seconds:
        await asyncio.sleep(seconds)
        found = await asyncio.to_thread(version_of, live.folder)
        if found in ("", tried, live.model.version):
            continue
        tried = found
        try:
            await live.reload()
        except LLMInitError as error:
            log("warning", "the model before goes on", error=str(error))


def _library_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, LLMInitError)
    return problem_of(error).response()


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return error.response()
    if error.status_code == 404:
        return Problem(404, f"there is no {request.url.path}; see /docs for what there is").response()
    if error.status_code == 405:
        detail = f"{request.url.path} does not take {request.method}; see /docs for what it takes"
        return Problem(405, detail, error.headers).response()
    return Problem(error.status_code, f"{error.detail}; see /docs for what can be sent", error.headers).response()


def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid(error.errors()).response()
