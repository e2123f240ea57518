"""How series are drawn, the same in every plot."""

from collections.abc import Iterable
from dataclasses import dataclass

COLOURS = ("--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x", "star", "triangle-down", "pentagon", "cross")
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")
REFERENCE = "xavier"

DASH_LENGTHS = {
    "solid": "",
    "dot": "2 3",
    "dash": "7 4",
    "dashdot": "7 3 2 3",
    "longdash": "11 5",
    "longdashdot": "11 4 2 4",
}
"""Plotly's names of line patterns, as SVG's dash arrays."""

OUTLINES = {
    "circle": "M17 3a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z",
    "square": "M13 3h8v8h-8Z",
    "triangle-up": "M17 2l5 9h-10Z",
    "diamond": "M17 1.5l5 5.5l-5 5.5l-5-5.5Z",
    "diamond-tall": "M17 0l3.5 7l-3.5 7l-3.5-7Z",
    "x": "M14 2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3l-3-3Z",
    "star": "M17 1l1.6 4h4.2l-3.4 2.6l1.3 4.2l-3.7-2.5l-3.7 2.5l1.3-4.2l-3.4-2.6h4.2Z",
    "triangle-down": "M17 12l5-9h-10Z",
    "pentagon": "M17 2l5 4l-2 6h-6l-2-6Z",
    "cross": "M15.5 2h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5Z",
}
"""Plotly's names of markers, as SVG paths around the point (17, 7)."""


@dataclass(frozen=True)
class Style:
    """How a series is drawn; no two series differ in colour alone.

    Attributes:
        colour: Name of a style variable of the page.
        symbol: Plotly's name of a marker; it ends with "-open" where the marker is not filled.
        dash: Plotly's name of a line pattern.
    """

    colour: str
    symbol: str
    dash: str

    @property
    def shape(self) -> str:
        """The marker's outline: its symbol, filled or not."""
        return self.symbol.removesuffix("-open")

    @property
    def outline(self) -> str:
        """The marker as an SVG path around the point (17, 7)."""
        return OUTLINES[self.shape]

    @property
    def dashes(self) -> str:
        """The line pattern as an SVG dash array; empty for a solid line."""
        return DASH_LENGTHS[self.dash]

    @property
    def is_open(self) -> bool:
        """Whether the marker is an outline alone."""
        return self.symbol.endswith("-open")


def assign_styles(series: Iterable[str]) -> dict[str, Style]:
    """Assign each series its style in all plots; the reference is a grey dotted line."""
    styles = {REFERENCE: Style("--base", "circle-open", "dot")}
    for index, name in enumerate(name for name in dict.fromkeys(series) if name != REFERENCE):
        colour, symbol = COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)]
        styles[name] = Style(colour, symbol, DASHES[(index // len(COLOURS) + index) % len(DASHES)])
    return styles
