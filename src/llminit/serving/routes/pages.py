"""The page, and the documentation of the routes; both load nothing from elsewhere."""

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.responses import Response

from llminit.serving.problems import Problem

router = APIRouter(include_in_schema=False)

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/")
async def page() -> Response:
    """The page."""
    return _file("page.html")


@router.get("/docs")
async def docs() -> Response:
    """What can be sent."""
    return _file("docs.html")


@router.get("/page/{name}")
async def part(name: str) -> Response:
    """A part of a page."""
    if name not in ("page.js", "page.css", "docs.js"):
        raise Problem(404, f"there is no /page/{name}; see /")
    return _file(name)


def _file(name: str) -> Response:
    return Response(
        _text(name), media_type=_TYPES[name.rpartition(".")[2]], headers={"Content-Security-Policy": _POLICY}
    )


@cache
def _text(name: str) -> str:
    return (resources.files("llminit.serving") / "page" / name).read_text(encoding="utf-8")
