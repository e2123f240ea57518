"""Pictures as SVG text, for pages that run no script; in the colours of the report's page, light or dark."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Literal

from llminit.report.names import Box, Side, name_width
from llminit.report.styles import Style

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

TYPE_SIZE = 13.0
"""Of the type, in pixels."""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_COLOUR = re.compile(r"(--[a-z0-9]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\);")
_ROW = 20.0
_SWATCH = 20.0


@cache
def colours_of(scheme: Scheme) -> Mapping[str, str]:
    """Return the colours of the report's page by their names, such as "--ink"."""
    sheet = (resources.files("llminit.report") / "page" / "style.css").read_text(encoding="utf-8")
    return {name: light if scheme == "light" else dark for name, light, dark in _COLOUR.findall(sheet)}


def document(size: tuple[float, float], title: str, parts: Iterable[str]) -> str:
    """Return a whole picture without a background.

    Args:
        size: Width and height.
        title: What it shows, for who cannot see it.
        parts: What `text`, `line`, `path` and `marker` return.
    """
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img"'
    style = f'font-family="{_FONT}" font-size="{TYPE_SIZE:g}"'
    return "\n".join([f"{head} {style}>", f"<title>{escape(title)}</title>", *parts, "</svg>\n"])


def text(x: float, y: float, words: str, colour: str, anchor: str = "start", **more: str) -> str:
    """Return words on a line at y; "middle" and "end" are other anchors; `more` are attributes."""
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {place}{_attributes(more)}>{escape(words)}</text>"


def text_in(box: Box, side: Side, words: str, colour: str) -> str:
    """Return a name in the rectangle that it was given, from its end at the point on."""
    anchor, x = {1: ("start", box.left), 0: ("middle", (box.left + box.right) / 2), -1: ("end", box.right)}[side.across]
    return text(x, box.bottom - 0.25 * TYPE_SIZE, words, colour, anchor)


def line(begin: tuple[float, float], end: tuple[float, float], colour: str, **more: str) -> str:
    """Return a straight line; `more` are attributes, such as opacity."""
    ends = f'x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}"{_attributes(more)}/>'


def path(points: Sequence[tuple[float, float]], colour: str, dashes: str = "", **more: str) -> str:
    """Return a line through points; `more` are attributes."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"{dashed}{_attributes(more)}/>'


def marker(x: float, y: float, style: Style, scheme: Scheme) -> str:
    """Return a series' marker."""
    colours = colours_of(scheme)
    colour = colours[style.colour]
    fill = "none" if style.is_open else colour
    place = f"translate({x - 17:.1f} {y - 7:.1f})"
    return f'<path d="{style.outline}" transform="{place}" fill="{fill}" stroke="{colour}"/>'


def legend(styles: Mapping[str, Style], left: float, width: float, scheme: Scheme) -> tuple[list[str], float]:
    """Return the markers of all series with their names in rows from the top, and where the rows end.

    Args:
        styles: By name of a series, how it is drawn.
        left: Where the rows begin.
        width: How long they may be.
        scheme: Light or dark.
    """
    ink, parts, x, y = colours_of(scheme)["--ink"], list[str](), left, _ROW
    for name, style in styles.items():
        taken = _SWATCH + name_width(name, TYPE_SIZE) + 12
        if x > left and x + taken > left + width:
            x, y = left, y + _ROW
        parts += [marker(x + 8, y - 5, style, scheme), text(x + _SWATCH, y, name, ink)]
        x += taken
    return parts, y


def _attributes(more: Mapping[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in more.items())
