"""Gains over the reference as lines, from sparse data to all data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llminit.report.data import ReportData
from llminit.report.figures import Figure, Trace
from llminit.report.numbers import Mean
from llminit.report.plots import axis_range, error_bars, is_cut_off, line_trace, rounded
from llminit.results import Method

# Lines are shifted a little so that their bars do not overlap.
_SHIFT = 0.07
_CUT_OFF = "Bars that reach the edge are longer than the plot is high."
_ZERO_LINE = {
    "type": "line",
    "xref": "paper",
    "x0": 0,
    "x1": 1,
    "y0": 0,
    "y1": 0,
    "line": {"color": "--base", "width": 1},
}


@dataclass(frozen=True)
class Steps:
    """The horizontal axis of a plot of gains.

    Attributes:
        values: The keys of the gains, in their order.
        labels: How each value is shown.
        title: The title of the axis.
    """

    values: Sequence[object]
    labels: Sequence[str]
    title: str


def gains_figure(
    data: ReportData, anchor: str, gains: Mapping[Method, Mapping[object, Mean]], steps: Steps, caption: str
) -> Figure | None:
    """Draw each method's gain over its reference, with intervals; None where there is nothing to draw.

    Args:
        data: The results.
        anchor: The figure's id in the page.
        gains: By method and step.
        steps: The horizontal axis.
        caption: What the figure shows.
    """
    drawn = {method: by_step for method, by_step in gains.items() if by_step}
    if not drawn:
        return None
    middle = (len(drawn) - 1) / 2
    traces = [
        _line(data, method, by_step, steps, (index - middle) * _SHIFT)
        for index, (method, by_step) in enumerate(drawn.items())
    ]
    means = [mean for by_step in drawn.values() for mean in by_step.values()]
    vertical = axis_range(means, 0.0)
    layout = {
        "xaxis": {
            "title": {"text": steps.title},
            "tickvals": list(range(len(steps.values))),
            "ticktext": list(steps.labels),
            "range": [-0.4, len(steps.values) - 0.6],
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": {"title": {"text": f"gain in recall@{data.k}"}, "tickformat": "+.3~f", "range": vertical},
        "shapes": [_ZERO_LINE],
    }
    is_cut = any(is_cut_off(mean, vertical) for mean in means)
    return Figure(anchor, traces, layout, f"{caption} {_CUT_OFF}" if is_cut else caption)


def _line(data: ReportData, method: Method, gains: Mapping[object, Mean], steps: Steps, shift: float) -> Trace:
    indices = [index for index, value in enumerate(steps.values) if value in gains]
    means = [gains[steps.values[index]] for index in indices]
    name = data.series(method)
    style = data.styles[name]
    return line_trace(
        name,
        [rounded(index + shift) for index in indices],
        [mean.mean for mean in means],
        style,
        mode="lines+markers",
        # Lighter than the line: intervals over few seeds are long, and must not hide the lines.
        error_y=error_bars(means) | {"color": f"{style.colour}/45", "thickness": 1},
        customdata=[[steps.labels[index], mean.n] for index, mean in zip(indices, means, strict=True)],
        hovertemplate="%{fullData.name}, %{customdata[0]}<br>%{y:+.4f}, seeds: %{customdata[1]}<extra></extra>",
    )
