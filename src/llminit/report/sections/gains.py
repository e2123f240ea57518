"""Gains over the reference as lines, on steps from thin data to plenty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llminit.report.loaded import Loaded
from llminit.report.numbers import Mean, leaves
from llminit.report.plots import Figure, Trace, line, margins, rounded, window
from llminit.results import Method

_APART = 0.07
_LONGER = "Bars that reach the edge are longer than the plot is high."


@dataclass(frozen=True)
class Steps:
    """What a plot of gains has on its horizontal axis.

    Attributes:
        values: What the gains are keyed by, in their order.
        labels: How each is shown.
        title: What they are.
    """

    values: Sequence[object]
    labels: Sequence[str]
    title: str


def gains_figure(
    loaded: Loaded, name: str, gains: Mapping[Method, Mapping[object, Mean]], steps: Steps, says: str
) -> Figure | None:
    """Draw each method's gain over its reference, with intervals; None where there is nothing to draw.

    Args:
        loaded: The results.
        name: The figure's anchor.
        gains: By method and step.
        steps: The horizontal axis.
        says: What the figure shows.
    """
    drawn = {method: found for method, found in gains.items() if found}
    if not drawn:
        return None
    middle = (len(drawn) - 1) / 2
    data = [
        _line(loaded, method, found, steps, (index - middle) * _APART)
        for index, (method, found) in enumerate(drawn.items())
    ]
    means = [mean for found in drawn.values() for mean in found.values()]
    seen = window([mean.low for mean in means], [mean.mean for mean in means], [mean.high for mean in means], 0.0)
    layout = {
        "xaxis": {
            "title": {"text": steps.title},
            "tickvals": list(range(len(steps.values))),
            "ticktext": list(steps.labels),
            "range": [-0.4, len(steps.values) - 0.6],
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": {
            "title": {"text": f"gain in recall@{loaded.k}"},
            "tickformat": "+.3~f",
            "range": seen,
        },
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 0,
                "y1": 0,
                "line": {"color": "--base", "width": 1},
            }
        ],
    }
    return Figure(name, data, layout, f"{says} {_LONGER}" if any(leaves(mean, seen) for mean in means) else says)


def _line(loaded: Loaded, method: Method, gains: Mapping[object, Mean], steps: Steps, shift: float) -> Trace:
    places = {value: place for place, value in enumerate(steps.values)}
    shown = sorted((places[value], value) for value in gains if value in places)
    means = [gains[value] for _, value in shown]
    name = loaded.series(method)
    style = loaded.styles[name]
    bars = margins([mean.low for mean in means], [mean.mean for mean in means], [mean.high for mean in means])
    return line(
        name,
        [rounded(place + shift) for place, _ in shown],
        [mean.mean for mean in means],
        style,
        mode="lines+markers",
        # Lighter than the line: intervals over few seeds are long, and must not hide what they belong to.
        error_y=bars | {"color": f"{style.colour}/45", "thickness": 1},
        customdata=[[steps.labels[place], mean.n] for (place, _), mean in zip(shown, means, strict=True)],
        hovertemplate="%{fullData.name}, %{customdata[0]}<br>%{y:+.4f}, seeds: %{customdata[1]}<extra></extra>",
    )
