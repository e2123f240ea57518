"""Figures of the page, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from llminit.report.styles import Style

Trace = dict[str, Any]

_DEFAULT_HEIGHT = 340


@dataclass(frozen=True)
class Figure:
    """A plot and the sentence that says what it shows.

    Attributes:
        anchor: Its id in the page.
        traces: Plotly traces, in colours that are names of the page's style variables.
        layout: Plotly layout, without what the theme sets.
        caption: What it shows, plain text.
        hover_group: Plots of the same group show the same points; pointing at one points at it in the others.
    """

    macro: ClassVar[str] = "figure"
    anchor: str
    traces: Sequence[Trace]
    layout: dict[str, Any]
    caption: str
    hover_group: str = ""

    @property
    def height(self) -> int:
        """Height in CSS pixels."""
        return int(self.layout.get("height", _DEFAULT_HEIGHT))

    @property
    def plotly_json(self) -> dict[str, Any]:
        """The input of the page's script: `data` and `layout`."""
        return {"data": list(self.traces), "layout": self.layout}


@dataclass(frozen=True)
class LegendEntry:
    """A button that shows and hides a series.

    Attributes:
        label: The series' name, plain text.
        series: The name of its traces.
        style: How it is drawn.
    """

    label: str
    series: str
    style: Style


@dataclass(frozen=True)
class Panel:
    """Figures that share their series, under a heading and with one legend.

    Attributes:
        title: The heading, plain text.
        legend: The series that are drawn.
        figures: What is shown beside each other where the window is wide.
    """

    macro: ClassVar[str] = "panel"
    title: str
    legend: Sequence[LegendEntry]
    figures: Sequence[Figure]


@dataclass(frozen=True)
class SideBySide:
    """Figures beside each other where the window is wide, else below each other.

    Attributes:
        figures: Two or more.
    """

    macro: ClassVar[str] = "side_by_side"
    figures: Sequence[Figure]
