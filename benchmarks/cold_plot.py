"""The picture of cold items' recall over the loss of warm ones, as SVG text."""

from itertools import pairwise
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 420, 60, 190, 40, 50
COLOURS = ("#1f5fa8", "#b3541e", "#2a7f4f", "#7a3e9d", "#888888", "#c2a000", "#008b8b", "#d04a78")
SHOWN = ("chosen", "start", "L3AE, closed form", "iALS with text", "text kNN", "popularity in category")
_FRAME = (
    f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}" fill="none" '
    'stroke="#888"/>'
)


def draw(rows: list[dict[str, Any]]) -> str:
    """Return an SVG image of the rows of `SHOWN`, each with `side`, `name` and `curve`, pairs of loss and recall."""
    lines = [row for row in rows if row["name"] in SHOWN]
    highest: float = max(recall for row in lines for _, recall in row["curve"]) * 1.1
    furthest: float = max(loss for row in lines for loss, _ in row["curve"])

    def x(loss: float) -> float:
        return LEFT + loss / furthest * (WIDTH - LEFT - RIGHT)

    def y(recall: float) -> float:
        return HEIGHT - BOTTOM - recall / highest * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _FRAME,
        _text(LEFT, 24, "recall@10 of cold items, whole catalogue", "start"),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "relative loss of warm recall@10", "middle"),
        *(_text(x(step / 50), HEIGHT - BOTTOM + 18, f"{step * 2} %", "middle") for step in range(6)),
        *(_text(LEFT - 6, y(tick / 50) + 4, f"{tick / 50:.2f}", "end") for tick in range(int(highest * 50) + 1)),
    ]
    ends = _apart([y(row["curve"][-1][1]) for row in lines])
    for row, end, colour in zip(lines, ends, COLOURS, strict=False):
        points = " ".join(f"{x(loss):.1f},{y(recall):.1f}" for loss, recall in row["curve"])
        name = row["name"] if row["side"] == "others" else f"{row['side']}: {row['name']}"
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT + 6, end + 4, name, "start", colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return "\n".join([f'{head} font-size="13">', *parts, "</svg>\n"])


def _apart(heights: list[float], least: float = 16) -> list[float]:
    """Return heights of labels that do not touch, in the same order."""
    result = list(heights)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    for before, after in pairwise(order):
        result[after] = max(result[after], result[before] + least)
    return result


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'
