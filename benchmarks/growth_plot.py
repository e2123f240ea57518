"""The plot of growth: time and memory over interactions, on logarithmic axes, as SVG text."""

import math
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 420, 70, 70, 50, 60
TIME, MEMORY, GREY = "#1f5fa8", "#b3541e", "#888"
GIB = 2**30


def draw(rows: list[dict[str, Any]], title: str) -> str:
    """Return an SVG image; each row holds `n_interactions`, `median` (seconds) and `peak_bytes`.

    Time is read on the left axis, memory on the right one. The dashed line grows linearly from the first size's time.
    """
    sizes = [row["n_interactions"] for row in rows]
    seconds = [row["median"] for row in rows]
    memory = [row["peak_bytes"] / GIB for row in rows]
    linear = [seconds[0] * size / sizes[0] for size in sizes]
    across = _scale(sizes, LEFT, WIDTH - RIGHT)
    up_time = _scale(seconds + linear, HEIGHT - BOTTOM, TOP)
    up_memory = _scale(memory, HEIGHT - BOTTOM, TOP)
    x = [across(size) for size in sizes]
    parts = [
        _text(WIDTH / 2, 24, title, "#222", "middle"),
        _text(WIDTH / 2, HEIGHT - 14, "interactions", "#222", "middle"),
        _text(10, 42, "epoch, s", TIME, "start"),
        _text(WIDTH - 10, 42, "peak memory, GiB", MEMORY, "end"),
        *(
            _text(position, HEIGHT - BOTTOM + 20, f"{size / 1e6:g} M", "#222", "middle")
            for position, size in zip(x, sizes, strict=True)
        ),
        _line(x, [up_time(value) for value in linear], GREY, dashed=True),
        *_series(x, [up_time(value) for value in seconds], [f"{value:.3g}" for value in seconds], TIME, -12),
        *_series(x, [up_memory(value) for value in memory], [f"{value:.2g}" for value in memory], MEMORY, 20),
    ]
    frame = (
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}" '
        f'fill="none" stroke="{GREY}"/>'
    )
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', frame, *parts])
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="13">\n{body}\n</svg>\n'


def _scale(values: list[float], start: float, end: float) -> Any:
    """Return a function from a value to its coordinate on a logarithmic axis, with a margin at both ends."""
    low, high = math.log(min(values)), math.log(max(values))
    width = max(high - low, 1e-9)
    low, width = low - 0.08 * width, 1.16 * width
    return lambda value: start + (math.log(value) - low) / width * (end - start)


def _series(x: list[float], y: list[float], labels: list[str], colour: str, offset: float) -> list[str]:
    dots = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in zip(x, y, strict=True)]
    texts = [_text(a, b + offset, label, colour, "middle") for a, b, label in zip(x, y, labels, strict=True)]
    return [_line(x, y, colour), *dots, *texts]


def _line(x: list[float], y: list[float], colour: str, *, dashed: bool = False) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    dashes = ' stroke-dasharray="5 5"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def _text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'
