"""Every method as a dot with its interval."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llminit.report.data import ReportData
from llminit.report.figures import Figure, Trace
from llminit.report.numbers import Mean, decimals, interval
from llminit.report.plots import axis_range, error_bars, is_cut_off, is_usual, plot_text, rounded
from llminit.report.styles import REFERENCE, Style
from llminit.results import Method

BASELINES = "baselines"
CONTROLS = "controls"
BASELINE_STYLE = Style("--ink", "diamond-tall", "solid")
_CONTROL = Style("--soft", "x-thin-open", "solid")


class _Dot(NamedTuple):
    row: int
    method: Method
    mean: Mean


def recall_by_method(data: ReportData) -> Figure:
    """Draw each method's recall under the standard protocol, with its interval and the best baseline as a line."""
    dots = _dots(data)
    means = [dot.mean for dot in dots]
    usual = [mean for mean in means if is_usual(mean, means)]
    horizontal = axis_range(usual)
    best = data.best(method for method in data.main if method.kind == "baseline")
    line = data.mean(best, "recall") if best else None
    best = best if line in usual else None
    arrows = [_arrow(dot) for dot in dots if not is_usual(dot.mean, means)]
    layout = {
        "height": 90 + 27 * len(dots),
        "xaxis": {"title": {"text": f"recall@{data.k}, standard"}, "range": horizontal},
        "yaxis": {
            "tickvals": list(range(len(dots))),
            "ticktext": [plot_text(data.labels[dot.method]) for dot in dots],
            "range": [-0.7, len(dots) - 0.3],
        },
        "shapes": [_vertical_line(line)] if best and line else [],
        "annotations": arrows,
    }
    caption = _caption(data, best)
    caption += " An arrow: the mean is further left." if arrows else ""
    caption += " Lines that reach the edge are longer." if any(is_cut_off(mean, horizontal) for mean in usual) else ""
    return Figure("dots", [_trace(data, series) for series in _by_series(dots)], layout, caption)


def methods_by_recall(data: ReportData) -> list[Method]:
    """Return the methods of the main setting, the one with the highest recall first."""
    means = {method: data.mean(method, "recall") for method in data.main}
    return sorted(data.main, key=lambda method: -(mean.mean if (mean := means[method]) else -1.0))


def _dots(data: ReportData) -> list[_Dot]:
    # Plotly counts upwards.
    means = [(method, data.mean(method, "recall")) for method in reversed(methods_by_recall(data))]
    measured = [(method, mean) for method, mean in means if mean is not None]
    return [_Dot(row, method, mean) for row, (method, mean) in enumerate(measured)]


def _arrow(dot: _Dot) -> dict[str, Any]:
    position = {"xref": "paper", "x": 0, "xanchor": "left", "y": dot.row, "showarrow": False}
    return position | {"text": f"◂ {decimals(dot.mean.mean)}", "font": {"color": "--soft"}}


def _vertical_line(mean: Mean) -> dict[str, Any]:
    x = rounded(mean.mean)
    dashed = {"color": "--soft", "dash": "dash", "width": 1}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": dashed, "layer": "below"}


def _by_series(dots: Sequence[_Dot]) -> list[list[_Dot]]:
    series: dict[str, list[_Dot]] = {}
    for dot in dots:
        series.setdefault(_series(dot.method), []).append(dot)
    return list(series.values())


def _trace(data: ReportData, dots: Sequence[_Dot]) -> Trace:
    method = dots[0].method
    style = style_of(data, method)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plot_text(_series(method)),
        "x": [rounded(dot.mean.mean) for dot in dots],
        "y": [dot.row for dot in dots],
        "text": [plot_text(data.labels[dot.method]) for dot in dots],
        "customdata": [[interval(dot.mean), dot.mean.n] for dot in dots],
        "error_x": error_bars([dot.mean for dot in dots]) | {"color": style.colour},
        "marker": {
            "color": style.colour,
            "symbol": style.symbol,
            "size": 10,
            "line": {"width": 2, "color": style.colour},
        },
        "hovertemplate": "%{text}<br>%{x:.4f} %{customdata[0]}, seeds: %{customdata[1]}<extra></extra>",
    }


def _caption(data: ReportData, best_baseline: Method | None) -> str:
    has_intervals = any(len(data.cells_of(method)) > 1 for method in data.main)
    caption = f"Recall@{data.k} with seen items removed: a dot is the mean over seeds"
    caption += ", its line the 95 % interval. " if has_intervals else ". "
    if best_baseline:
        caption += f"The dashed line is the strongest baseline, {data.labels[best_baseline]}. "
    return caption + "Tall diamonds are baselines, thin crosses controls."


def _series(method: Method) -> str:
    return {"baseline": BASELINES, "control": CONTROLS}.get(method.kind, str((method.init, method.encoder)))


def style_of(data: ReportData, method: Method) -> Style:
    """Return how a method is drawn: by its start, or as a baseline or a control."""
    if method.kind != "backbone":
        return BASELINE_STYLE if method.kind == "baseline" else _CONTROL
    return data.styles.get(data.series(method), data.styles[REFERENCE])
