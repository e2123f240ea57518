"""The figure of quality against seconds, as plain plotly data."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from llminit.report.figures import Figure, Panel, Trace
from llminit.report.front import Point
from llminit.report.names import Side
from llminit.report.numbers import decimals, duration, interval
from llminit.report.plots import error_bars, panel, plot_text, rounded
from llminit.report.scene import Dot, Scene, scene_of

_HEIGHT = 460
# The least that is left for points in a wide and in a narrow plot, in pixels, and the size of the type there.
_WIDE, _NARROW = ((435.0, 380.0), 12.5), ((215.0, 370.0), 11.0)
_UP = {1: "top", 0: "middle", -1: "bottom"}
_ACROSS = {1: "right", 0: "center", -1: "left"}

_Named = tuple[Dot, Side | None, Side | None]


def quality_panel(points: Sequence[Point], metric: str) -> Panel:
    """Draw points with their intervals, their Pareto front and as many names as there is room for.

    Args:
        points: At least one; their names are distinct.
        metric: What quality is, as "ndcg@10".
    """
    scene = scene_of(points)
    named = list(zip(scene.dots, scene.sides(*_WIDE), scene.sides(*_NARROW, _in_lines), strict=True))
    styles = {dot.point.series: dot.point.style for dot in scene.dots}
    traces = [_trace([one for one in named if one[0].point.series == series]) for series in styles]
    layout = {
        "height": _HEIGHT,
        "xaxis": {
            "title": {"text": "seconds to train or fit"},
            "type": "log",
            "range": scene.across,
            "tickvals": [*scene.ticks],
            "ticktext": [*scene.ticks.values()],
        },
        "yaxis": {"title": {"text": f"{metric}, standard"}, "range": scene.up},
    }
    caption = f"{scene.legend} Names stand where there is room; point at a symbol for the others."
    figure = Figure("quality-seconds", [_front(scene), *traces], layout, caption)
    return panel(f"{metric} against seconds", [figure], styles)


def _front(scene: Scene) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "",
        "x": [rounded(dot.point.seconds) for dot in scene.front],
        "y": [rounded(dot.up) for dot in scene.front],
        # In steps: more time alone brings no quality.
        "line": {"color": "--soft", "dash": "dash", "width": 1.5, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _trace(named: Sequence[_Named]) -> Trace:
    dots = [dot for dot, _, _ in named]
    style = dots[0].point.style
    bars = error_bars([dot.point.quality for dot in dots])
    for name in ("array", "arrayminus"):
        bars[name] = [0.0 if dot.is_below else length for dot, length in zip(dots, bars[name], strict=True)]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": plot_text(dots[0].point.series),
        "x": [rounded(dot.point.seconds) for dot in dots],
        "y": [rounded(dot.up) for dot in dots],
        **_names(dots, [wide for _, wide, _ in named]),
        # The page's script takes these where the plot is narrow.
        "meta": {"narrow": _names(dots, [narrow for _, _, narrow in named], _in_lines)},
        "customdata": [_described(dot) for dot in dots],
        "error_y": bars | {"color": f"{style.colour}/45", "thickness": 1},
        "marker": {
            "color": style.colour,
            "symbol": ["triangle-down" if dot.is_below else style.symbol for dot in dots],
            "size": 9,
            "line": {"width": 1.5, "color": style.colour},
        },
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, %{customdata[2]}<extra></extra>",
    }


def _names(
    dots: Sequence[Dot], sides: Sequence[Side | None], named: Callable[[Dot], str] = attrgetter("name")
) -> dict[str, Any]:
    positions = [f"{_UP[side.up]} {_ACROSS[side.across]}" if side else "middle right" for side in sides]
    names = [plot_text(named(dot)).replace("\n", "<br>") if side else "" for dot, side in zip(dots, sides, strict=True)]
    return {"text": names, "textposition": positions}


def _in_lines(dot: Dot) -> str:
    """Return a model and its start below each other."""
    return dot.name.replace(" + ", " +\n", 1)


def _described(dot: Dot) -> list[str]:
    quality = dot.point.quality
    measured = f"{decimals(quality.mean)} {interval(quality)}".rstrip()
    return [plot_text(dot.point.name), measured, duration(dot.point.seconds)]
