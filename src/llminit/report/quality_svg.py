"""The picture of quality against seconds as SVG text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llminit.report import svg
from llminit.report.front import Point
from llminit.report.names import name_box
from llminit.report.plots import even_ticks
from llminit.report.scene import Scene, scene_of
from llminit.report.styles import Style

_WIDTH, _HEIGHT = 840.0, 430.0
_LEFT, _RIGHT, _BOTTOM, _GAP = 64.0, 16.0, 64.0, 14.0


@dataclass(frozen=True)
class _Picture:
    """A scene and where its plot is: `top` is its upper edge."""

    scene: Scene
    scheme: svg.Scheme
    top: float

    @property
    def size(self) -> tuple[float, float]:
        return _WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM

    def place(self, seconds: float, up: float) -> tuple[float, float]:
        x, y = self.scene.place(seconds, min(max(up, self.scene.up[0]), self.scene.up[1]), self.size)
        return x + _LEFT, y + self.top

    def colour(self, name: str) -> str:
        return svg.colours_of(self.scheme)[name]


def draw_quality(points: Sequence[Point], metric: str, scheme: svg.Scheme, seconds: str, note: str = "") -> str:
    """Return the picture: points with their intervals and names, and their Pareto front.

    Args:
        points: At least one; their names are distinct.
        metric: What quality is, as "ndcg@10".
        scheme: Light or dark.
        seconds: What the seconds are, at the axis.
        note: A line below the picture.
    """
    scene = scene_of(points)
    # In the order of the points, which may mean something; the scene's is that of the names.
    styles = {point.series: point.style for point in points}
    entries, end = svg.legend(styles, _LEFT, _WIDTH - _LEFT - _RIGHT, scheme)
    picture = _Picture(scene, scheme, end + _GAP)
    parts = [*entries, *_axes(picture, metric, seconds), _front(picture), *_dots(picture), *_names(picture)]
    height = picture.top + _HEIGHT + (18 if note else 0)
    parts += [svg.text(_LEFT, height - 8, note, picture.colour("--soft"), font_size="11")] if note else []
    return svg.document((_WIDTH, height), f"{metric} against {seconds}", parts)


def _axes(picture: _Picture, metric: str, seconds: str) -> Iterator[str]:
    ink, grid, (width, height) = picture.colour("--ink"), picture.colour("--line"), picture.size
    bottom = picture.top + height
    for tick, words in picture.scene.ticks.items():
        x, _ = picture.place(tick, 0.0)
        yield svg.line((x, picture.top), (x, bottom), grid)
        yield svg.text(x, bottom + 18, words, ink, "middle")
    for tick, words in even_ticks(*picture.scene.up).items():
        _, y = picture.place(1.0, tick)
        yield svg.line((_LEFT, y), (_LEFT + width, y), grid)
        yield svg.text(_LEFT - 8, y + 4, words, ink, "end")
    yield svg.text(_LEFT + width / 2, bottom + 42, seconds, ink, "middle")
    middle = picture.top + height / 2
    yield svg.text(14, middle, metric, ink, "middle", transform=f"rotate(-90 14 {middle:.1f})")


def _front(picture: _Picture) -> str:
    steps = [(x + _LEFT, y + picture.top) for x, y in picture.scene.steps(picture.size)]
    return svg.path(steps, picture.colour("--soft"), "6 4")


def _dots(picture: _Picture) -> Iterator[str]:
    for dot in reversed(picture.scene.dots):
        x, y = picture.place(dot.point.seconds, dot.up)
        style, quality = dot.point.style, dot.point.quality
        if quality.low is not None and quality.high is not None and not dot.is_below:
            low, high = (picture.place(dot.point.seconds, end) for end in (quality.low, quality.high))
            yield svg.line(low, high, picture.colour(style.colour), opacity="0.45")
        yield svg.marker(x, y, Style(style.colour, "triangle-down", "solid") if dot.is_below else style, picture.scheme)


def _names(picture: _Picture) -> Iterator[str]:
    scene = picture.scene
    for dot, side in zip(scene.dots, scene.sides(picture.size, svg.TYPE_SIZE), strict=True):
        if side is not None:
            box = name_box(*picture.place(dot.point.seconds, dot.up), dot.name, side, svg.TYPE_SIZE)
            yield svg.text_in(box, side, dot.name, picture.colour("--ink"))
