"""Plain plotly data, in colours that the page resolves for its theme."""

import html
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from llminit.report.figures import Figure, LegendEntry, Panel, Trace
from llminit.report.numbers import Mean
from llminit.report.styles import Style

# Shares of the span of the points: how far intervals may extend beyond them, and the padding.
_MAX_OVERHANG, _PADDING = 0.75, 0.05
_FEWEST_TICKS, _MOST_TICKS = 3, 8


def panel(title: str, figures: Sequence[Figure], styles: Mapping[str, Style]) -> Panel:
    """Put figures under a heading, with a legend of the series that they draw.

    Args:
        title: The heading, plain text.
        figures: Figures that share their series.
        styles: By name of a series, how it is drawn.
    """
    drawn = {trace["name"] for figure in figures for trace in figure.traces}
    entries = [LegendEntry(name, plot_text(name), style) for name, style in styles.items()]
    return Panel(title, [entry for entry in entries if entry.series in drawn], figures)


def line_trace(name: str, x: Sequence[Any], y: Sequence[float | None], style: Style, **more: Any) -> Trace:
    """Return a line; `more` is added to the trace."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plot_text(name),
        "x": list(x),
        "y": [rounded(value) for value in y],
        "line": {"color": style.colour, "dash": style.dash, "width": 2},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 8},
        **more,
    }


def error_bars(means: Sequence[Mean]) -> dict[str, Any]:
    """Return plotly's asymmetric error bars; a missing interval has no length."""
    plus = [0.0 if mean.high is None else rounded(mean.high - mean.mean) for mean in means]
    minus = [0.0 if mean.low is None else rounded(mean.mean - mean.low) for mean in means]
    return {"type": "data", "symmetric": False, "array": plus, "arrayminus": minus, "thickness": 1.5, "width": 0}


def axis_range(means: Sequence[Mean], *included: float) -> list[float]:
    """Return where an axis begins and ends, so that one long interval, as of two seeds, does not flatten the rest.

    Args:
        means: The means to draw; all are in the range, and their intervals where these are not too long.
        included: Other values that are in the range.
    """
    points = [*(mean.mean for mean in means), *included] or [0.0]
    first, last = min(points), max(points)
    span = last - first or abs(last) or 1.0
    begin = max(min([mean.low for mean in means if mean.low is not None] + [first]), first - _MAX_OVERHANG * span)
    end = min(max([mean.high for mean in means if mean.high is not None] + [last]), last + _MAX_OVERHANG * span)
    return [float(f"{begin - _PADDING * span:.6g}"), float(f"{end + _PADDING * span:.6g}")]


def is_cut_off(mean: Mean, shown: Sequence[float]) -> bool:
    """Return whether the interval of a mean reaches out of an axis' range."""
    return any(end is not None and not shown[0] <= end <= shown[1] for end in (mean.low, mean.high))


def is_usual(mean: Mean, means: Sequence[Mean]) -> bool:
    """Return whether a mean is not far below the others, as popularity's often is: it would compress the scale."""
    return mean.mean >= median(other.mean for other in means) / 2


def log_ticks(begin: float, end: float) -> list[float]:
    """Return round numbers in a range for a logarithmic axis: few, but three or more where there are as many.

    Args:
        begin: The lower end, more than 0.
        end: The upper end.
    """
    decades = range(math.floor(math.log10(begin)), math.ceil(math.log10(end)) + 1)
    ticks: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [float(f"{tick:.6g}") for tick in ticks if begin <= tick <= end]
        if len(ticks) >= _FEWEST_TICKS:
            break
    return ticks


def even_ticks(begin: float, end: float) -> dict[float, str]:
    """Return round numbers in a range, at equal distances and at most eight, as they are shown.

    Args:
        begin: The lower end.
        end: The upper end, which is more.
    """
    power = math.floor(math.log10(end - begin)) - 1
    steps = (step * 10.0**decade for decade in (power, power + 1) for step in (1, 2, 5))
    step = next(step for step in steps if (end - begin) / step < _MOST_TICKS)
    digits = max(0, -math.floor(math.log10(step)))
    whole = range(math.ceil(begin / step), math.floor(end / step) + 1)
    return {float(f"{index * step:.6g}"): f"{index * step:.{digits}f}".replace("-", "−") for index in whole}


def plot_text(text: Any) -> str:
    """Return text that plotly shows as it is: it reads a few tags in names, labels and hovers.

    This is for plotly alone. What the page itself shows is escaped by its templates.
    """
    return html.escape(str(text), quote=False)


def rounded(value: float | None) -> float | None:
    """Round to six significant digits: more than a plot can show, in half the space."""
    return None if value is None else float(f"{value:.6g}")
