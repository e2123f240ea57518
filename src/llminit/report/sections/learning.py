"""Learning curves: validation quality against epochs and against seconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llminit.report.html import Section, paragraph
from llminit.report.loaded import Loaded
from llminit.report.plots import Figure, Trace, line, panel, rounded
from llminit.results import Method


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where nothing was trained."""
    parts = [part for backbone in loaded.backbones if (part := _backbone(loaded, backbone))]
    if not parts:
        return None
    metric = loaded.header.config.get("valid_metric", "the validation metric")
    text = (
        f"How {metric} on the validation interactions rises while training: the mean over seeds, up to where the "
        "first of them stops. A head start shows as a line that begins high; what counts is where it ends. The "
        "marker is each line's highest point. An epoch takes the median of its seconds over seeds."
    )
    return Section("learning", "Learning curves", "Learning", paragraph(text) + "".join(parts))


def curve(histories: Sequence[Sequence[dict[str, Any]]]) -> tuple[list[int], list[float], list[float]]:
    """Return epochs, seconds since the start and mean validation quality, up to where the first seed stops.

    What passes between two measurements is the median over seeds: other work may slow a run many times over.

    Args:
        histories: For each seed one record an epoch; `valid` is None where it was not measured.
    """
    measured = [{each["epoch"]: each for each in history if each["valid"] is not None} for history in histories]
    shared = sorted(set.intersection(*(set(records) for records in measured))) if measured else []
    since_start = np.array([[records[epoch]["seconds"] for epoch in shared] for records in measured])
    seconds = np.cumsum(np.median(np.diff(since_start, axis=1, prepend=0.0), axis=0)).tolist() if shared else []
    valid = [float(np.mean([records[epoch]["valid"] for records in measured])) for epoch in shared]
    return shared, seconds, valid


def _backbone(loaded: Loaded, backbone: str) -> str:
    curves = {each: _curve(loaded, each) for each in loaded.trained(backbone)}
    curves = {each: found for each, found in curves.items() if len(found[0]) > 1}
    if not curves:
        return ""
    metric = loaded.header.config.get("valid_metric", "validation")
    place = f"learning-{loaded.backbones.index(backbone)}"
    by_epoch = [_line(loaded, each, epochs, valid) for each, (epochs, _, valid) in curves.items()]
    by_second = [_line(loaded, each, seconds, valid) for each, (_, seconds, valid) in curves.items()]
    figures = [
        Figure(f"{place}-epochs", by_epoch, _layout("epoch", metric), f"{backbone}: {metric} against epochs."),
        Figure(f"{place}-seconds", by_second, _layout("seconds", metric), f"{backbone}: the same against seconds."),
    ]
    return panel(backbone, figures, loaded.styles)


def _curve(loaded: Loaded, method: Method) -> tuple[list[int], list[float], list[float]]:
    return curve([cell.history for cell in loaded.cells_of(method) if cell.history])


def _line(loaded: Loaded, method: Method, x: Sequence[float], y: Sequence[float]) -> Trace:
    name = loaded.series(method)
    style = loaded.styles[name]
    # A marker at the best epoch alone.
    best = max(range(len(y)), key=lambda index: y[index])
    marker = {"color": style.colour, "symbol": style.symbol, "size": [10 if i == best else 0 for i in range(len(y))]}
    hover = "%{fullData.name}<br>%{x:,.4~g}: %{y:.4f}<extra></extra>"
    seconds_or_epochs = [rounded(value) for value in x]
    return line(name, seconds_or_epochs, y, style, mode="lines+markers", marker=marker, hovertemplate=hover)


def _layout(x: str, metric: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": x}, "rangemode": "tozero"}, "yaxis": {"title": {"text": metric}}}
