"""Figures as plain plotly data, in colours that the page resolves for its theme."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llminit.report.html import escaped, script_json, side_by_side

Trace = dict[str, Any]

COLOURS = ("--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x", "star", "triangle-down", "pentagon", "cross")
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")
REFERENCE = "xavier"

# Of the span of the points: how far intervals may reach beyond them, and how much is left free.
_REACH, _AIR = 0.75, 0.05

_PATTERNS = {"solid": "", "dot": "2 3", "dash": "7 4", "dashdot": "7 3 2 3"}
_PATTERNS |= {"longdash": "11 5", "longdashdot": "11 4 2 4"}
_SHAPES = {
    "circle": "M17 3a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z",
    "square": "M13 3h8v8h-8Z",
    "triangle-up": "M17 2l5 9h-10Z",
    "diamond": "M17 1.5l5 5.5l-5 5.5l-5-5.5Z",
    "x": "M14 2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3l-3-3Z",
    "star": "M17 1l1.6 4h4.2l-3.4 2.6l1.3 4.2l-3.7-2.5l-3.7 2.5l1.3-4.2l-3.4-2.6h4.2Z",
    "triangle-down": "M17 12l5-9h-10Z",
    "pentagon": "M17 2l5 4l-2 6h-6l-2-6Z",
    "cross": "M15.5 2h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5Z",
}


@dataclass(frozen=True)
class Style:
    """How a series is drawn: never told apart by colour alone.

    Attributes:
        colour: Name of a style variable of the page.
        symbol: Plotly's name of a marker.
        dash: Plotly's name of a line pattern.
    """

    colour: str
    symbol: str
    dash: str


@dataclass(frozen=True)
class Figure:
    """A plot and the sentence that says what it shows.

    Attributes:
        name: Its anchor.
        data: Plotly traces.
        layout: Plotly layout, without what the theme sets.
        says: What it shows, plain text.
        link: Plots of the same link show the same points; pointing at one points at it in the others.
    """

    name: str
    data: Sequence[Trace]
    layout: dict[str, Any]
    says: str
    link: str = ""

    def html(self) -> str:
        """Return the figure as HTML; the page's script draws it."""
        spec = script_json({"data": list(self.data), "layout": self.layout})
        link = f' data-link="{escaped(self.link)}"' if self.link else ""
        return (
            f'<figure><div class="plot" id="{self.name}" data-spec="{self.name}-spec"{link} role="img" '
            f'aria-label="{escaped(self.says)}" style="min-height:{self.layout.get("height", 340)}px"></div>'
            f"<figcaption>{escaped(self.says)}</figcaption></figure>\n"
            f'<script type="application/json" id="{self.name}-spec">{spec}</script>\n'
        )


def panel(title: str, figures: Sequence[Figure], styles: Mapping[str, Style]) -> str:
    """Return figures that share their series under a heading, with one legend whose buttons show and hide a series.

    Args:
        title: The heading, plain text.
        figures: What is shown beside each other where the window is wide.
        styles: How each series is drawn.
    """
    drawn = {trace["name"] for figure in figures for trace in figure.data}
    buttons = "".join(
        f'<button type="button" aria-pressed="true" data-series="{escaped(plot_text(name))}">{_swatch(style)}'
        f"{escaped(name)}</button>"
        for name, style in styles.items()
        if plot_text(name) in drawn
    )
    places = " ".join(figure.name for figure in figures)
    legend = f'<div class="legend" role="group" aria-label="Series shown" data-plots="{places}">{buttons}</div>'
    return f"<h3>{escaped(title)}</h3>\n{legend}\n{side_by_side(figure.html() for figure in figures)}"


def styles_of(series: Iterable[str]) -> dict[str, Style]:
    """Give each series a look of its own that it keeps in every plot; the reference is a grey dotted line."""
    found = {REFERENCE: Style("--base", "circle-open", "dot")}
    for index, name in enumerate(name for name in dict.fromkeys(series) if name != REFERENCE):
        colour, symbol = COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)]
        found[name] = Style(colour, symbol, DASHES[(index // len(COLOURS) + index) % len(DASHES)])
    return found


def line(name: str, x: Sequence[Any], y: Sequence[float | None], style: Style, **more: Any) -> Trace:
    """Return a line; `more` is added to the trace."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plot_text(name),
        "x": list(x),
        "y": [rounded(value) for value in y],
        "line": {"color": style.colour, "dash": style.dash, "width": 2},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 8},
        **more,
    }


def margins(low: Sequence[float | None], middle: Sequence[float], high: Sequence[float | None]) -> dict[str, Any]:
    """Return plotly's asymmetric error bars from the ends of intervals; a missing interval has no length."""
    plus = [0.0 if top is None else rounded(top - mid) for top, mid in zip(high, middle, strict=True)]
    minus = [0.0 if bottom is None else rounded(mid - bottom) for bottom, mid in zip(low, middle, strict=True)]
    return {"type": "data", "symmetric": False, "array": plus, "arrayminus": minus, "thickness": 1.5, "width": 0}


def window(
    low: Sequence[float | None], middle: Sequence[float], high: Sequence[float | None], *holding: float
) -> list[float]:
    """Return where an axis begins and ends, so that one long interval, as two seeds give, does not flatten the rest.

    Args:
        low: Lower ends of intervals; None is missing.
        middle: What they are intervals of; all of it is in the window.
        high: Upper ends.
        holding: What else is to be in the window.
    """
    points = [*middle, *holding] or [0.0]
    first, last = min(points), max(points)
    span = last - first or abs(last) or 1.0
    begin = max(min([each for each in low if each is not None] + [first]), first - _REACH * span)
    end = min(max([each for each in high if each is not None] + [last]), last + _REACH * span)
    return [float(f"{begin - _AIR * span:.6g}"), float(f"{end + _AIR * span:.6g}")]


def _swatch(style: Style) -> str:
    colour, shape = f"var({style.colour})", _SHAPES[style.symbol.removesuffix("-open")]
    fill = "var(--paper)" if style.symbol.endswith("-open") else colour
    return (
        f'<svg viewBox="0 0 34 14" aria-hidden="true"><path d="M0 7H34" stroke="{colour}" stroke-width="2" '
        f'stroke-dasharray="{_PATTERNS[style.dash]}"/><path d="{shape}" fill="{fill}" stroke="{colour}"/></svg>'
    )


def plot_text(text: Any) -> str:
    """Return text that plotly shows as it is: it reads a few tags in names, labels and hovers."""
    return html.escape(str(text), quote=False)


def rounded(value: float | None) -> float | None:
    """Keep six significant digits: more than a picture shows, at half the size."""
    return None if value is None else float(f"{value:.6g}")
