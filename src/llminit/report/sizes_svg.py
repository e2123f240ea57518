"""The picture of quality against embedding size as SVG text."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llminit.report import svg
from llminit.report.names import name_box, name_width, placed_names
from llminit.report.numbers import Mean
from llminit.report.plots import axis_range, even_ticks
from llminit.report.styles import Style

_SIZE = (840.0, 420.0)
_LEFT, _TOP, _BOTTOM = 64.0, 16.0, 60.0


@dataclass(frozen=True)
class SizeLine:
    """How good a method is at each embedding size.

    Attributes:
        name: The method's name.
        means: By embedding size, ascending.
        style: How it is drawn.
    """

    name: str
    means: Mapping[int, Mean]
    style: Style


@dataclass(frozen=True)
class _Plot:
    """Where the axes begin and end; sizes are doublings."""

    lines: Sequence[SizeLine]
    scheme: svg.Scheme
    right: float

    @property
    def sizes(self) -> list[int]:
        return sorted({size for line in self.lines for size in line.means})

    @property
    def up(self) -> list[float]:
        return axis_range([mean for line in self.lines for mean in line.means.values()])

    @property
    def bottom(self) -> float:
        return _SIZE[1] - _BOTTOM

    def place(self, size: int, value: float) -> tuple[float, float]:
        first, last = math.log2(self.sizes[0]), math.log2(self.sizes[-1])
        up = self.up
        x = (math.log2(size) - first) / (last - first or 1.0)
        y = (up[1] - min(max(value, up[0]), up[1])) / (up[1] - up[0])
        return _LEFT + 16 + x * (self.right - _LEFT - 32), _TOP + y * (self.bottom - _TOP)

    def colour(self, name: str) -> str:
        return svg.colours_of(self.scheme)[name]


def draw_sizes(lines: Sequence[SizeLine], metric: str, scheme: svg.Scheme) -> str:
    """Return the picture: one line a method, its intervals, and its name at the right end.

    Args:
        lines: At least one, each with at least one size.
        metric: What quality is, as "recall@10".
        scheme: Light or dark.
    """
    right = _SIZE[0] - max(name_width(line.name, svg.TYPE_SIZE) for line in lines) - 12
    plot = _Plot(lines, scheme, right)
    parts = [*_axes(plot, metric), *(part for line in lines for part in _line(plot, line)), *_names(plot)]
    return svg.document(_SIZE, f"{metric} against embedding size", parts)


def _axes(plot: _Plot, metric: str) -> Iterator[str]:
    ink, grid = plot.colour("--ink"), plot.colour("--line")
    for size in plot.sizes:
        x, _ = plot.place(size, 0.0)
        yield svg.line((x, _TOP), (x, plot.bottom), grid)
        yield svg.text(x, plot.bottom + 18, str(size), ink, "middle")
    for tick, words in even_ticks(*plot.up).items():
        _, y = plot.place(plot.sizes[0], tick)
        yield svg.line((_LEFT, y), (plot.right, y), grid)
        yield svg.text(_LEFT - 8, y + 4, words, ink, "end")
    yield svg.text((_LEFT + plot.right) / 2, plot.bottom + 42, "embedding size", ink, "middle")
    middle = (_TOP + plot.bottom) / 2
    yield svg.text(14, middle, metric, ink, "middle", transform=f"rotate(-90 14 {middle:.1f})")


def _line(plot: _Plot, line: SizeLine) -> Iterator[str]:
    places = {size: plot.place(size, mean.mean) for size, mean in line.means.items()}
    colour = plot.colour(line.style.colour)
    yield svg.path([*places.values()], colour, line.style.dashes)
    for size, mean in line.means.items():
        if mean.low is not None and mean.high is not None:
            yield svg.line(plot.place(size, mean.low), plot.place(size, mean.high), colour, opacity="0.45")
        yield svg.marker(*places[size], line.style, plot.scheme)


def _names(plot: _Plot) -> Iterator[str]:
    """Name each line at its end, the highest first; a name that has no room beside its end stands above or below."""
    ends = [(line, plot.place(*_last(line))) for line in plot.lines]
    ends.sort(key=lambda end: end[1][1])
    sides = placed_names([place for _, place in ends], [line.name for line, _ in ends], _SIZE, svg.TYPE_SIZE)
    for (line, place), side in zip(ends, sides, strict=True):
        if side is not None:
            box = name_box(*place, line.name, side, svg.TYPE_SIZE)
            yield svg.text_in(box, side, line.name, plot.colour(line.style.colour))


def _last(line: SizeLine) -> tuple[int, float]:
    size = max(line.means)
    return size, line.means[size].mean
