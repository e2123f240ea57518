"""The picture of what cold items gain over what warm ones lose, as SVG text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llminit.report import svg
from llminit.report.plots import even_ticks
from llminit.report.styles import Style

_SIZE = (760.0, 380.0)
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 24.0, 20.0, 60.0
_CURVE, _CHOSEN = Style("--s1", "circle", "solid"), Style("--s2", "diamond", "solid")


@dataclass(frozen=True)
class DialPoint:
    """What one value of the dial does.

    Attributes:
        exposure: The value.
        warm_loss: The relative loss of warm items' recall.
        recall: The recall of cold items in the whole catalogue.
    """

    exposure: float
    warm_loss: float
    recall: float


@dataclass(frozen=True)
class _Plot:
    points: Sequence[DialPoint]
    scheme: svg.Scheme

    @property
    def across(self) -> tuple[float, float]:
        losses = [point.warm_loss for point in self.points]
        return _padded(min(0.0, *losses), max(losses))

    @property
    def up(self) -> tuple[float, float]:
        return 0.0, _padded(0.0, max(point.recall for point in self.points))[1]

    def place(self, loss: float, recall: float) -> tuple[float, float]:
        (left, right), (_, top) = self.across, self.up
        x = _LEFT + (loss - left) / (right - left) * (_SIZE[0] - _LEFT - _RIGHT)
        return x, _TOP + (1 - recall / top) * (_SIZE[1] - _TOP - _BOTTOM)

    def colour(self, name: str) -> str:
        return svg.colours_of(self.scheme)[name]


def draw_cold(points: Sequence[DialPoint], chosen: float, scheme: svg.Scheme) -> str:
    """Return the picture: a line through the values of the dial, each named, and the one that is saved.

    Args:
        points: At least one, by ascending exposure.
        chosen: The exposure that is saved.
        scheme: Light or dark.
    """
    plot = _Plot(points, scheme)
    places = [plot.place(point.warm_loss, point.recall) for point in points]
    parts = [*_axes(plot), svg.path(places, plot.colour(_CURVE.colour)), *_marks(plot, chosen)]
    return svg.document(_SIZE, "recall@10 of cold items against the relative loss of warm ones", parts)


def _axes(plot: _Plot) -> Iterator[str]:
    ink, grid = plot.colour("--ink"), plot.colour("--line")
    (left, right), (bottom, top) = plot.across, plot.up
    for tick, words in even_ticks(100 * left, 100 * right).items():
        x, y = plot.place(tick / 100, bottom)
        yield svg.line((x, _TOP), (x, y), grid)
        yield svg.text(x, y + 18, f"{words} %", ink, "middle")
    for tick, words in even_ticks(bottom, top).items():
        _, y = plot.place(left, tick)
        yield svg.line((_LEFT, y), (_SIZE[0] - _RIGHT, y), grid)
        yield svg.text(_LEFT - 8, y + 4, words, ink, "end")
    middle = (_TOP + _SIZE[1] - _BOTTOM) / 2
    yield svg.text((_LEFT + _SIZE[0] - _RIGHT) / 2, _SIZE[1] - 14, "recall@10 that warm items lose", ink, "middle")
    yield svg.text(14, middle, "recall@10 of cold items", ink, "middle", transform=f"rotate(-90 14 {middle:.1f})")


def _marks(plot: _Plot, chosen: float) -> Iterator[str]:
    """Mark each value, and name those that have room."""
    room = -1e9
    for point in plot.points:
        x, y = plot.place(point.warm_loss, point.recall)
        is_chosen = point.exposure == chosen
        yield svg.marker(x, y, _CHOSEN if is_chosen else _CURVE, plot.scheme)
        if is_chosen:
            # To the right of the curve, where it does not pass.
            yield svg.text(x + 10, y + 14, f"{point.exposure:.2f} (saved)", plot.colour("--ink"), font_size="11")
        elif x - room > 48:
            yield svg.text(x, y - 10, f"{point.exposure:.2f}", plot.colour("--soft"), "middle", font_size="11")
            room = x


def _padded(begin: float, end: float) -> tuple[float, float]:
    span = end - begin or 1.0
    return begin, end + 0.06 * span
