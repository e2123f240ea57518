"""The picture of quality against seconds before it is drawn: what stands where, the same for plotly and for SVG."""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from llminit.report.front import Point, pareto_front
from llminit.report.names import Box, Side, placed_names
from llminit.report.numbers import decimals
from llminit.report.plots import axis_range, is_cut_off, is_usual, log_ticks

_PADDING, _MIN_PADDING = 0.12, 0.3
_EDGE = 0.02
_READING = (
    "Better is up, faster is left. The dashed line is the Pareto front: no model has a higher mean in as little time "
    "as those on it."
)


@dataclass(frozen=True)
class Dot:
    """A point with its place.

    Attributes:
        point: The point.
        up: Its quality; for one that is far below the others, the lower edge of the picture.
        is_below: Whether it is far below the others, as popularity often is: it would compress the scale.
    """

    point: Point
    up: float
    is_below: bool

    @property
    def name(self) -> str:
        """Its name in the picture, with its quality where its place does not show it."""
        return f"{self.point.name} {decimals(self.point.quality.mean)}" if self.is_below else self.point.name


@dataclass(frozen=True)
class Scene:
    """What a picture of quality against seconds shows.

    Attributes:
        dots: All points; those that are named first come first.
        front: Those that no other beats in both, the fastest first.
        across: Where the axis of time begins and ends, in powers of ten of a second.
        up: Where the axis of quality begins and ends.
    """

    dots: Sequence[Dot]
    front: Sequence[Dot]
    across: Sequence[float]
    up: Sequence[float]

    @cached_property
    def ticks(self) -> dict[float, str]:
        """Round numbers of seconds, as they are shown."""
        return {tick: f"{tick:,.10g} s" for tick in log_ticks(10 ** self.across[0], 10 ** self.across[1])}

    def place(self, seconds: float, up: float, size: tuple[float, float]) -> tuple[float, float]:
        """Return where something stands in a plot of this size, in pixels from the left and from the top."""
        x = (math.log10(seconds) - self.across[0]) / (self.across[1] - self.across[0])
        return x * size[0], (self.up[1] - up) / (self.up[1] - self.up[0]) * size[1]

    def sides(
        self, size: tuple[float, float], type_size: float, named: Callable[[Dot], str] = operator.attrgetter("name")
    ) -> list[Side | None]:
        """Return where the name of each dot stands in a plot of this size; None where it has no room.

        Args:
            size: Width and height, in pixels.
            type_size: The size of the type, in pixels.
            named: What is shown as the name of a dot.
        """
        places = [self.place(dot.point.seconds, dot.up, size) for dot in self.dots]
        names = [named(dot) for dot in self.dots]
        # What a vertical line crosses can still be read.
        lines = [_around(*ends) for ends in list(pairwise(self.steps(size)))[::2]]
        return placed_names(places, names, size, type_size, len(self.front), lines)

    def steps(self, size: tuple[float, float]) -> list[tuple[float, float]]:
        """Return the front as a line in steps, because more time alone brings no quality, in a plot of this size."""
        steps: list[tuple[float, float]] = []
        for dot in self.front:
            x, y = self.place(dot.point.seconds, dot.up, size)
            steps += [(x, steps[-1][1]), (x, y)] if steps else [(x, y)]
        return steps

    @cached_property
    def legend(self) -> str:
        """How the picture is read, as sentences."""
        means = [dot.point.quality for dot in self.dots if not dot.is_below]
        parts = [_READING]
        parts += ["Vertical lines: 95 % intervals over seeds."] if any(mean.low is not None for mean in means) else []
        parts += ["Those that reach the edge are longer."] if any(is_cut_off(mean, self.up) for mean in means) else []
        parts += ["A triangle at the lower edge: far below."] if any(dot.is_below for dot in self.dots) else []
        return " ".join(parts)


def scene_of(points: Sequence[Point]) -> Scene:
    """Arrange points.

    Args:
        points: At least one; their names are distinct.
    """
    powers = [math.log10(point.seconds) for point in points]
    padding = max(_PADDING * (max(powers) - min(powers)), _MIN_PADDING)
    # More on the right, where names go.
    across = [float(f"{end:.6g}") for end in (min(powers) - padding, max(powers) + 1.5 * padding)]
    means = [point.quality for point in points]
    up = axis_range([mean for mean in means if is_usual(mean, means)])
    edge = up[0] + _EDGE * (up[1] - up[0])
    dots = {
        point.name: Dot(point, point.quality.mean, is_below=False)
        if is_usual(point.quality, means)
        else Dot(point, edge, is_below=True)
        for point in points
    }
    front = [dots[point.name] for point in pareto_front(points)]
    return Scene(_in_order(list(dots.values()), front), front, across, up)


def _around(begin: tuple[float, float], end: tuple[float, float]) -> Box:
    """Return a narrow rectangle around a line."""
    (left, right), (top, bottom) = sorted((begin[0], end[0])), sorted((begin[1], end[1]))
    return Box(left - 2, top - 2, right + 2, bottom + 2)


def _in_order(dots: Sequence[Dot], front: Sequence[Dot]) -> list[Dot]:
    """Put those on the front first, then the best of each family, then the others."""
    ordered = sorted(dots, key=lambda dot: -dot.point.quality.mean)
    best: dict[str, Dot] = {}
    for dot in ordered:
        best.setdefault(dot.point.family, dot)
    return sorted(ordered, key=lambda dot: (dot not in front, best[dot.point.family] is not dot))
