"""Where the names of points stand, so that none covers another or a point."""

from collections.abc import Sequence
from typing import NamedTuple


class Side(NamedTuple):
    """Where a name stands beside its point.

    Attributes:
        across: -1: it ends at the point, 0: its middle is there, 1: it begins there.
        up: 1: above the point, 0: beside it, -1: below it.
    """

    across: int
    up: int


class Box(NamedTuple):
    """A rectangle in pixels; `top` is less than `bottom`."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two have an area in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


SIDES = (Side(1, 0), Side(-1, 0), Side(0, 1), Side(0, -1), Side(1, 1), Side(1, -1), Side(-1, 1), Side(-1, -1))
"""The first with room is taken."""

ABOVE = (Side(0, 1), Side(-1, 1), Side(1, 1), Side(-1, 0))
"""The same for points from which a line leads to the right, before all others."""

GAP = 7.0
"""Pixels between the middle of a point and its name."""

_LETTER = 0.58
"""The width of a letter, as a share of the size of the type: a little more than that of most."""


def placed_names(
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    size: tuple[float, float],
    type_size: float,
    n_above: int = 0,
    obstacles: Sequence[Box] = (),
) -> list[Side | None]:
    """Return a side for each name, None where there is no room for it.

    In a wider area the same sides leave names as free as here: points only move apart.

    Args:
        points: In pixels from the left and from the top; the first ones get the first choice.
        names: One a point, perhaps of several lines; an empty one gets no place.
        size: Width and height of the area, which no name leaves.
        type_size: The size of the type, in pixels.
        n_above: From so many of the first points a line leads to the right; their names stand above it if they can.
        obstacles: What names do not cover either.
    """
    area = Box(0.0, 0.0, *size)
    taken = [(x, Box(x - 5, y - 5, x + 5, y + 5)) for x, y in points]
    sides: list[Side | None] = []
    for index, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        order = dict.fromkeys([*ABOVE, *SIDES] if index < n_above else SIDES)
        boxes = {side: name_box(x, y, name, side, type_size) for side in order if name}
        free = [
            side
            for side, box in boxes.items()
            if _is_within(box, area)
            and not any(box.meets(obstacle) for obstacle in obstacles)
            and all(_stay_apart(x, box, *other) for other in taken)
        ]
        sides.append(free[0] if free else None)
        taken += [(x, boxes[free[0]])] if free else []
    return sides


def name_box(x: float, y: float, name: str, side: Side, type_size: float) -> Box:
    """Return the rectangle that a name takes beside its point.

    Args:
        x: The point's distance from the left, in pixels.
        y: From the top.
        name: The name.
        side: Where it stands.
        type_size: The size of the type, in pixels.
    """
    width, height = name_width(name, type_size), 1.2 * type_size * len(name.split("\n"))
    left = x - width / 2 if side.across == 0 else x + GAP if side.across > 0 else x - GAP - width
    middle = y - side.up * (GAP + height / 2)
    return Box(left, middle - height / 2, left + width, middle + height / 2)


def name_width(name: str, type_size: float) -> float:
    """Return about how wide a name is, in pixels, rather too much than too little; of several lines the longest."""
    return _LETTER * type_size * max(map(len, name.split("\n")))


def _stay_apart(x: float, box: Box, other_x: float, other: Box) -> bool:
    """Return whether what belongs to two points does not meet, here and where the points are further apart.

    Side by side they stand in the order of their points: one that has passed the other would meet it in a wider area.
    """
    if box.top >= other.bottom or other.top >= box.bottom:
        return True
    if x == other_x:
        return not box.meets(other)
    return box.right <= other.left if x < other_x else other.right <= box.left


def _is_within(box: Box, area: Box) -> bool:
    return box.left >= area.left and box.top >= area.top and box.right <= area.right and box.bottom <= area.bottom
