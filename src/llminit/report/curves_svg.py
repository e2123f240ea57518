"""The picture of several methods' curves over the dial as SVG text: what new items gain over what the others lose."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llminit.report import svg
from llminit.report.plots import even_ticks
from llminit.report.styles import Style

_SIZE = (840.0, 400.0)
_LEFT, _RIGHT, _BOTTOM, _GAP = 64.0, 16.0, 60.0, 14.0
_MARKED = 0.02
"""A marker stands at each of these losses."""


@dataclass(frozen=True)
class DialLine:
    """A method's curve.

    Attributes:
        name: The method's name.
        points: Losses, ascending, and the recall of new items at each.
        style: How it is drawn.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: Style


@dataclass(frozen=True)
class _Plot:
    lines: Sequence[DialLine]
    scheme: svg.Scheme
    top: float

    @property
    def across(self) -> float:
        return max(loss for line in self.lines for loss, _ in line.points) or 1.0

    @property
    def up(self) -> float:
        return 1.06 * max(recall for line in self.lines for _, recall in line.points) or 1.0

    @property
    def bottom(self) -> float:
        return self.top + _SIZE[1] - _BOTTOM

    def place(self, loss: float, recall: float) -> tuple[float, float]:
        x = _LEFT + loss / self.across * (_SIZE[0] - _LEFT - _RIGHT)
        return x, self.bottom - recall / self.up * (self.bottom - self.top)

    def colour(self, name: str) -> str:
        return svg.colours_of(self.scheme)[name]


def draw_curves(lines: Sequence[DialLine], scheme: svg.Scheme, guides: Sequence[float] = ()) -> str:
    """Return the picture: a line a method and a legend.

    Args:
        lines: At least one, each with at least one point; their names are distinct.
        scheme: Light or dark.
        guides: Losses at which a dotted line stands.
    """
    styles = {line.name: line.style for line in lines}
    entries, end = svg.legend(styles, _LEFT, _SIZE[0] - _LEFT - _RIGHT, scheme)
    plot = _Plot(lines, scheme, end + _GAP)
    drawn = (part for line in reversed(lines) for part in _line(plot, line))
    parts = [*entries, *_axes(plot), *_guides(plot, guides), *drawn]
    return svg.document((_SIZE[0], plot.bottom + _BOTTOM), "recall of new items against what the others lose", parts)


def _axes(plot: _Plot) -> Iterator[str]:
    ink, grid = plot.colour("--ink"), plot.colour("--line")
    for tick, words in even_ticks(0.0, 100 * plot.across).items():
        x, y = plot.place(tick / 100, 0.0)
        yield svg.line((x, plot.top), (x, y), grid)
        yield svg.text(x, y + 18, f"{words} %", ink, "middle")
    for tick, words in even_ticks(0.0, plot.up).items():
        _, y = plot.place(0.0, tick)
        yield svg.line((_LEFT, y), (_SIZE[0] - _RIGHT, y), grid)
        yield svg.text(_LEFT - 8, y + 4, words, ink, "end")
    across, middle = (_LEFT + _SIZE[0] - _RIGHT) / 2, (plot.top + plot.bottom) / 2
    yield svg.text(across, plot.bottom + 44, "recall@10 that the other items lose", ink, "middle")
    yield svg.text(14, middle, "recall@10 of new items", ink, "middle", transform=f"rotate(-90 14 {middle:.1f})")


def _guides(plot: _Plot, guides: Sequence[float]) -> Iterator[str]:
    for loss in guides:
        x, bottom = plot.place(loss, 0.0)
        yield svg.line((x, plot.top), (x, bottom), plot.colour("--soft"), stroke_dasharray="2 3")


def _line(plot: _Plot, line: DialLine) -> Iterator[str]:
    yield svg.path([plot.place(*point) for point in line.points], plot.colour(line.style.colour), line.style.dashes)
    for loss, recall in line.points:
        if abs(loss / _MARKED - round(loss / _MARKED)) < 1e-6:
            yield svg.marker(*plot.place(loss, recall), line.style, plot.scheme)
