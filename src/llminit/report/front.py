"""Quality against seconds: models as points, and those of them that no other beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass

from llminit.report.numbers import Mean
from llminit.report.styles import Style


@dataclass(frozen=True)
class Point:
    """A model as a point.

    Attributes:
        name: The model's name, which no other point has.
        seconds: How long it took; more than 0.
        quality: How good it is; more is better.
        family: Of its kin, such as one backbone from several starts, the best is named first.
        series: What it has its style in common with.
        style: How it is drawn.
    """

    name: str
    seconds: float
    quality: Mean
    family: str
    series: str
    style: Style


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats, the fastest first.

    A point beats another that is neither faster nor better, unless both are equal. Means decide, not their intervals.

    Args:
        points: Any number.
    """
    unbeaten = [point for point in points if not any(_beats(other, point) for other in points)]
    return sorted(unbeaten, key=lambda point: point.seconds)


def _beats(one: Point, other: Point) -> bool:
    mine, theirs = (one.seconds, one.quality.mean), (other.seconds, other.quality.mean)
    return mine != theirs and mine[0] <= theirs[0] and mine[1] >= theirs[1]
