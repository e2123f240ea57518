"""Learning curves: validation quality against epochs and against seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from llminit.report.content import Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel, Trace
from llminit.report.plots import line_trace, panel, plot_text, rounded
from llminit.results import Method


class Curve(NamedTuple):
    """A learning curve.

    Attributes:
        epochs: The epochs at which it was measured.
        seconds: Since the start, at each epoch.
        valid: Validation quality at each epoch.
    """

    epochs: list[int]
    seconds: list[float]
    valid: list[float]


def section(data: ReportData) -> Section | None:
    """Return the section; None where nothing was trained."""
    panels = [block for backbone in data.backbones for block in _panels(data, backbone)]
    if not panels:
        return None
    metric = data.header.config.get("valid_metric", "the validation metric")
    introduction = Paragraph(
        f"How {metric} on the validation interactions rises while training: the mean over seeds, up to where the "
        "first of them stops. A head start shows as a line that begins high; what counts is where it ends. The "
        "marker is each line's highest point. An epoch takes the median of its seconds over seeds."
    )
    return Section("learning", "Learning curves", "Learning", [introduction, *panels])


def mean_curve(histories: Sequence[Sequence[Mapping[str, Any]]]) -> Curve:
    """Return the mean curve over seeds, up to where the first seed stops.

    The time between two measurements is the median over seeds: other work may slow down a single run.

    Args:
        histories: For each seed one record an epoch; `valid` is None where it was not measured.
    """
    runs = [{record["epoch"]: record for record in history if record["valid"] is not None} for history in histories]
    epochs = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    since_start = np.array([[run[epoch]["seconds"] for epoch in epochs] for run in runs])
    seconds = np.cumsum(np.median(np.diff(since_start, axis=1, prepend=0.0), axis=0)).tolist() if epochs else []
    valid = [float(np.mean([run[epoch]["valid"] for run in runs])) for epoch in epochs]
    return Curve(epochs, seconds, valid)


def _panels(data: ReportData, backbone: str) -> list[Panel]:
    curves = {method: _curve(data, method) for method in data.trained(backbone)}
    curves = {method: curve for method, curve in curves.items() if len(curve.epochs) > 1}
    if not curves:
        return []
    metric = data.header.config.get("valid_metric", "validation")
    anchor = f"learning-{data.backbones.index(backbone)}"
    by_epoch = [_line(data, method, curve.epochs, curve.valid) for method, curve in curves.items()]
    by_second = [_line(data, method, curve.seconds, curve.valid) for method, curve in curves.items()]
    figures = [
        Figure(f"{anchor}-epochs", by_epoch, _layout("epoch", metric), f"{backbone}: {metric} against epochs."),
        Figure(f"{anchor}-seconds", by_second, _layout("seconds", metric), f"{backbone}: the same against seconds."),
    ]
    return [panel(backbone, figures, data.styles)]


def _curve(data: ReportData, method: Method) -> Curve:
    return mean_curve([cell.history for cell in data.cells_of(method) if cell.history])


def _line(data: ReportData, method: Method, x: Sequence[float], y: Sequence[float]) -> Trace:
    name = data.series(method)
    style = data.styles[name]
    # A marker at the best epoch alone.
    best = max(range(len(y)), key=lambda index: y[index])
    return line_trace(
        name,
        [rounded(value) for value in x],
        y,
        style,
        mode="lines+markers",
        marker={
            "color": style.colour,
            "symbol": style.symbol,
            "size": [10 if index == best else 0 for index in range(len(y))],
        },
        hovertemplate="%{fullData.name}<br>%{x:,.4~g}: %{y:.4f}<extra></extra>",
    )


def _layout(x: str, metric: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": x}, "rangemode": "tozero"}, "yaxis": {"title": {"text": plot_text(metric)}}}
