"""The plot of quality against seconds of training, on a logarithmic axis of time, as SVG text for light and dark."""

import math
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 64, 24, 24, 64
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .grid { stroke: #e3e3e3 }
.ours { fill: #1f5fa8 } .peer { fill: #b3541e }
.front { fill: none; stroke: #1f5fa8; stroke-dasharray: 4 4; opacity: .6 }
.small { font-size: 11px; opacity: .75 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #3a3a3a }
  .ours { fill: #7db4f0 } .peer { fill: #f0a070 } .front { stroke: #7db4f0 }
}
"""


def draw(rows: list[dict[str, Any]], note: str) -> str:
    """Return an SVG image with one dot a method; the dashed line joins those that no other beats in both.

    Args:
        rows: Each with `method`, `kind` ("LLMInit" or "peer"), `seconds` and `ndcg@10`.
        note: A line below the plot.
    """
    powers = [math.log10(row["seconds"]) for row in rows]
    values: list[float] = [row["ndcg@10"] for row in rows]
    low, high, bottom, top = min(powers), max(powers), min(values), max(values)
    margin = 0.12 * (top - bottom or 1)

    def x(seconds: float) -> float:
        return LEFT + (math.log10(seconds) - low + 0.2) / (high - low + 0.9) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - bottom + margin) / (top - bottom + 2 * margin) * (HEIGHT - TOP - BOTTOM)

    parts = [f"<style>{STYLE}</style>", *_axes(x, y, (low, high), (bottom - margin, top + margin))]
    best, points = -1.0, []
    for row in sorted(rows, key=lambda row: row["seconds"]):
        if row["ndcg@10"] > best:
            best = row["ndcg@10"]
            points.append(f"{x(row['seconds']):.1f},{y(best):.1f}")
    parts.append(f'<polyline class="front" points="{" ".join(points)}"/>')
    for row in rows:
        across, up, kind = x(row["seconds"]), y(row["ndcg@10"]), "ours" if row["kind"] == "LLMInit" else "peer"
        parts.append(f'<circle class="{kind}" cx="{across:.1f}" cy="{up:.1f}" r="5"/>')
        parts.append(f'<text x="{across + 9:.1f}" y="{up + 4:.1f}">{escape(row["method"])}</text>')
    parts.append(f'<text class="small" x="{LEFT}" y="{HEIGHT - 8}">{escape(note)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return head + f"<title>{escape('ndcg@10 against seconds of training')}</title>" + "\n".join(parts) + "</svg>\n"


def _axes(x: Any, y: Any, seconds: tuple[float, float], values: tuple[float, float]) -> list[str]:
    parts = []
    for power in range(math.ceil(seconds[0] - 0.2), math.floor(seconds[1] + 0.7) + 1):
        across = x(10.0**power)
        parts.append(f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10.0**power:g} s</text>')
    step = 0.01 if values[1] - values[0] > 0.02 else 0.005
    tick = math.ceil(values[0] / step) * step
    while tick <= values[1]:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.3f}</text>')
        tick += step
    parts.append(f'<text x="{LEFT}" y="{TOP - 8}">ndcg@10</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - BOTTOM + 36}" text-anchor="middle">seconds of training</text>')
    return parts
