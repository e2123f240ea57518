"""How series are drawn, the same in every plot."""

from collections.abc import Iterable
from dataclasses import dataclass

COLOURS = ("--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x", "star", "triangle-down", "pentagon", "cross")
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")
REFERENCE = "xavier"


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
