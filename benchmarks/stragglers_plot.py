"""The plot of stragglers: efficiency over the number of ranks, as SVG text."""

import math
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 690, 400, 60, 240, 50, 60
LINES = {
    "exchange_only": ("exchange alone", "#888"),
    "own_clock": ("as measured, own clock", "#1f5fa8"),
    "some_slow": ("own clock, 2 % of steps 1.5x", "#3d8b57"),
    "one_slow_machine": ("own clock, one machine 1.5x", "#b3541e"),
    "by_the_wall": ("as measured, by the wall", "#7a3b8f"),
}


def draw(rows: list[dict[str, Any]]) -> str:
    """Return an SVG image; each row holds `ranks` and an efficiency for each line."""
    bottom, top, right = HEIGHT - BOTTOM, TOP, WIDTH - RIGHT
    most = math.log2(max(row["ranks"] for row in rows))

    def across(ranks: float) -> float:
        return LEFT + (right - LEFT) * math.log2(ranks) / most

    def up(share: float) -> float:
        return bottom - (bottom - top) * share

    parts = [
        _text(LEFT, 24, "Share of a rank's time that a step's own work takes", "#222", "start"),
        _text((LEFT + right) / 2, HEIGHT - 14, "ranks", "#222", "middle"),
        *(_text(across(row["ranks"]), bottom + 20, str(row["ranks"]), "#222", "middle") for row in rows),
        *(_text(LEFT - 8, up(share) + 4, f"{share:.0%}", "#222", "end") for share in (0, 0.25, 0.5, 0.75, 1)),
    ]
    ends = _apart({name: up(rows[-1][name]) for name in LINES})
    for name, (words, colour) in LINES.items():
        points = " ".join(f"{across(row['ranks']):.1f},{up(row[name]):.1f}" for row in rows)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(right + 8, ends[name] + 4, words, colour, "start"))
    frame = f'<rect x="{LEFT}" y="{top}" width="{right - LEFT}" height="{bottom - top}" fill="none" stroke="#888"/>'
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', frame, *parts])
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="13">\n{body}\n</svg>\n'


def _apart(heights: dict[str, float], least: float = 16) -> dict[str, float]:
    """Return heights of labels in the same order, at least so far apart."""
    result: dict[str, float] = {}
    before = -math.inf
    for name, height in sorted(heights.items(), key=lambda one: one[1]):
        before = result[name] = max(height, before + least)
    return result


def _text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'
