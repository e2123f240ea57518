"""Every paired comparison: gains as a plot, controls in words, all of them as a table."""

import math
from collections.abc import Mapping, Sequence

from llminit.report.content import Block, Paragraph, Section, SentenceList
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Trace
from llminit.report.numbers import Mean, p_value, percent
from llminit.report.plots import axis_range, error_bars, plot_text, rounded
from llminit.report.styles import REFERENCE, Style
from llminit.report.tables import Column, Table, TableCell, TableRow
from llminit.results import Method
from llminit.verdicts.record import Verdict
from llminit.verdicts.wording import NOT_JUDGED, is_answered, sentence_of

FAMILIES = {"init": f"against {REFERENCE}", "control": "against controls", "baseline": "against baselines"}
_STYLES = {"standard": Style("--s1", "circle", "solid"), "paper": Style("--s2", "square", "dash")}
# The two protocols of a method stand above and below its line.
_SHIFTS = {"standard": 0.13, "paper": -0.13}
_COLUMNS = (
    Column("Method"),
    Column("Against"),
    Column("gain", numeric=True),
    Column("p (corrected)", numeric=True),
    Column("Outcome"),
    Column("Question"),
    Column("Protocol"),
    Column("p, users", numeric=True),
    Column("seeds", numeric=True),
)


def section(data: ReportData) -> Section | None:
    """Return the section; None where nothing was compared."""
    verdicts = [verdict for of_protocol in data.verdicts.values() for verdict in of_protocol]
    if not verdicts:
        return None
    blocks = [*_controls(data), _table(verdicts)]
    return Section("comparisons", "Controls and all comparisons", "All comparisons", blocks)


def gains_by_method(data: ReportData) -> Figure | None:
    """Draw the relative gain of each other initialisation over the reference; None where none was compared."""
    gains = {verdict.method: verdict.gain for verdict in _init_verdicts(data, "standard")}
    if not gains:
        return None
    methods = sorted((method for method in data.main if method in gains), key=lambda method: gains[method])
    rows = {method: row for row, method in enumerate(methods)}
    verdicts = {
        protocol: [verdict for verdict in _init_verdicts(data, protocol) if _is_drawn(verdict, rows)]
        for protocol in data.verdicts
    }
    traces = [_dots(rows, drawn, protocol) for protocol, drawn in verdicts.items()]
    percentages = [_gain_in_percent(verdict) for drawn in verdicts.values() for verdict in drawn]
    layout = {
        "height": 110 + 34 * len(rows),
        "xaxis": {"title": {"text": "gain, %"}, "zeroline": False, "range": axis_range(percentages, 0.0)},
        "yaxis": {
            "tickvals": list(rows.values()),
            "ticktext": [plot_text(data.labels[method]) for method in rows],
            "range": [-0.7, len(rows) - 0.3],
        },
        "shapes": [{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "--base"}}],
    }
    caption = (
        f"Paired gain in recall@{data.k} of each other initialisation over {REFERENCE} in the same backbone. Circles: "
        "standard; squares: paper. Filled where a difference is shown after correction for all comparisons, open where "
        "it is not. The 95 % intervals are those of one comparison on its own."
    )
    return Figure("gains", traces, layout, caption)


def _init_verdicts(data: ReportData, protocol: str) -> list[Verdict]:
    return [verdict for verdict in data.main_verdicts(protocol) if verdict.family == "init"]


def _is_drawn(verdict: Verdict, rows: Mapping[Method, int]) -> bool:
    return math.isfinite(verdict.gain) and verdict.method in rows


def _dots(rows: Mapping[Method, int], verdicts: Sequence[Verdict], protocol: str) -> Trace:
    style = _STYLES[protocol]
    gains = [_gain_in_percent(verdict) for verdict in verdicts]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": protocol,
        "x": [rounded(gain.mean) for gain in gains],
        "y": [rows[verdict.method] + _SHIFTS[protocol] for verdict in verdicts],
        "text": [plot_text(verdict.label) for verdict in verdicts],
        "customdata": [[protocol, _interval(verdict)] for verdict in verdicts],
        "error_x": error_bars(gains) | {"color": style.colour},
        "marker": {
            "color": style.colour,
            "symbol": [_symbol(style, verdict) for verdict in verdicts],
            "size": 9,
            "line": {"width": 2, "color": style.colour},
        },
        "hovertemplate": "%{text}, %{customdata[0]}<br>%{x:+.1f} % %{customdata[1]}<extra></extra>",
    }


def _symbol(style: Style, verdict: Verdict) -> str:
    return f"{style.symbol}-open" if verdict.outcome == "no difference shown" else style.symbol


def _controls(data: ReportData) -> list[Block]:
    verdicts = [verdict for verdict in data.main_verdicts("standard") if verdict.family == "control"]
    if not verdicts:
        return []
    introduction = (
        "Is it the meaning of the text that helps, or only the shape of its numbers? Shuffled gives each item another "
        "item's text, noise keeps no more than mean and spread, untrained is the text without any training."
    )
    if not is_answered(data.main_verdicts("standard")):
        return [Paragraph(introduction), Paragraph(NOT_JUDGED)]
    return [Paragraph(introduction), SentenceList([sentence_of(verdict) for verdict in verdicts])]


def _table(verdicts: Sequence[Verdict]) -> Table:
    caption = (
        "Gain: the difference as a share of the other's mean, with the 95 % interval of this comparison on its own. "
        "Primary: the method that validation picked, against every baseline and its own "
        f"{REFERENCE}, standard protocol. All else is exploratory, and claimed only where all of the primary question "
        "is answered with better. p is corrected so that the chance of any false claim in this table is at most 5 %; "
        "it covers other users and, from three seeds on, other training runs. p, users (not corrected) takes the "
        "trained models as they are."
    )
    rows = [_row(verdict) for verdict in sorted(verdicts, key=lambda verdict: not verdict.is_primary)]
    compared = {verdict.family for verdict in verdicts}
    filters = [title for family, title in FAMILIES.items() if family in compared]
    return Table("comparisons-table", caption, _COLUMNS, rows, filters=filters, tall=True)


def _row(verdict: Verdict) -> TableRow:
    gain = verdict.gain if math.isfinite(verdict.gain) else None
    question = "primary" if verdict.is_primary else "exploratory"
    cells = [
        TableCell(verdict.label, verdict.label),
        TableCell(verdict.reference_label, verdict.reference_label),
        TableCell(percent(gain), gain, _interval(verdict)),
        TableCell(p_value(verdict.p_corrected), verdict.p_corrected),
        TableCell(verdict.outcome, verdict.outcome),
        TableCell(question, question),
        TableCell(verdict.protocol, verdict.protocol),
        TableCell(p_value(verdict.p_user), verdict.p_user),
        TableCell(str(verdict.n_seeds), verdict.n_seeds),
    ]
    return TableRow(cells, FAMILIES[verdict.family], verdict.method.kind)


def _interval(verdict: Verdict) -> str:
    low, high = verdict.interval
    return f"[{percent(low)}, {percent(high)}]" if math.isfinite(low) and math.isfinite(high) else ""


def _gain_in_percent(verdict: Verdict) -> Mean:
    low, high = (100 * end if math.isfinite(end) else None for end in verdict.interval)
    return Mean(100 * verdict.gain, low, high, verdict.n_seeds)
