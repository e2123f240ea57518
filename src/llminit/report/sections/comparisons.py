"""Every paired comparison: gains as a plot, controls in words, all of them as a table."""

import math
from collections.abc import Mapping, Sequence

from llminit.report.html import Row, Section, Shown, Table, paragraph, sentence
from llminit.report.loaded import Loaded
from llminit.report.numbers import p_value, percent
from llminit.report.plots import REFERENCE, Figure, Style, Trace, margins, plot_text, rounded, window
from llminit.results import Method
from llminit.verdicts.record import Verdict
from llminit.verdicts.wording import sentence_of

FAMILIES = {"init": f"against {REFERENCE}", "control": "against controls", "baseline": "against baselines"}
_STYLES = {"standard": Style("--s1", "circle", "solid"), "paper": Style("--s2", "square", "dash")}
_COLUMNS = ("Method", "Against", "#gain", "#p (Holm)", "Outcome", "Protocol", "#p, users", "#seeds")


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where nothing was compared."""
    verdicts = [verdict for found in loaded.verdicts.values() for verdict in found]
    if not verdicts:
        return None
    return Section(
        "comparisons", "Controls and all comparisons", "All comparisons", _controls(loaded) + _table(verdicts)
    )


def gains(loaded: Loaded) -> Figure | None:
    """Draw the relative gain of each text initialisation over the reference; None where none was compared."""
    shown = [each for each in loaded.main if any(each == verdict.method for verdict in _of_init(loaded, "standard"))]
    if not shown:
        return None
    shown = sorted(shown, key=lambda each: _gain_of(loaded, each))
    places = {method: place for place, method in enumerate(shown)}
    data = [_dots(places, _of_init(loaded, protocol), protocol) for protocol in loaded.verdicts]
    layout = {
        "height": 110 + 34 * len(shown),
        "xaxis": {"title": {"text": "gain, %"}, "zeroline": False, "range": _window(loaded, places)},
        "yaxis": {
            "tickvals": list(range(len(shown))),
            "ticktext": [plot_text(loaded.labels[each]) for each in shown],
            "range": [-0.7, len(shown) - 0.3],
        },
        "shapes": [{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "--base"}}],
    }
    says = (
        f"Paired gain in recall@{loaded.k} of each text initialisation over {REFERENCE} in the same backbone. Circles: "
        "standard; squares: paper. Filled where a difference is shown after correction for all comparisons, open where "
        "it is not. The 95 % intervals are those of one comparison on its own."
    )
    return Figure("gains", data, layout, says)


def _of_init(loaded: Loaded, protocol: str) -> list[Verdict]:
    return [each for each in loaded.main_verdicts(protocol) if each.family == "init"]


def _gain_of(loaded: Loaded, method: Method) -> float:
    return next(each.gain for each in _of_init(loaded, "standard") if each.method == method)


def _window(loaded: Loaded, places: Mapping[Method, int]) -> list[float]:
    drawn = [each for protocol in loaded.verdicts for each in _drawn(places, _of_init(loaded, protocol))]
    lows, highs = ([_as_percent(each.interval[end]) for each in drawn] for end in (0, 1))
    return window(lows, [100 * each.gain for each in drawn], highs, 0.0)


def _drawn(places: Mapping[Method, int], verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [each for each in verdicts if math.isfinite(each.gain) and each.method in places]


def _dots(places: Mapping[Method, int], verdicts: Sequence[Verdict], protocol: str) -> Trace:
    style = _STYLES[protocol]
    drawn = _drawn(places, verdicts)
    lows, highs = ([_as_percent(each.interval[end]) for each in drawn] for end in (0, 1))
    means = [100 * each.gain for each in drawn]
    symbols = [style.symbol if each.outcome != "no difference shown" else f"{style.symbol}-open" for each in drawn]
    shift = 0.13 if protocol == "standard" else -0.13
    return {
        "type": "scatter",
        "mode": "markers",
        "name": protocol,
        "x": [rounded(mean) for mean in means],
        "y": [places[each.method] + shift for each in drawn],
        "text": [plot_text(each.label) for each in drawn],
        "customdata": [[protocol, _interval(each)] for each in drawn],
        "error_x": margins(lows, means, highs) | {"color": style.colour},
        "marker": {"color": style.colour, "symbol": symbols, "size": 9, "line": {"width": 2, "color": style.colour}},
        "hovertemplate": "%{text}, %{customdata[0]}<br>%{x:+.1f} % %{customdata[1]}<extra></extra>",
    }


def _controls(loaded: Loaded) -> str:
    verdicts = [each for each in loaded.main_verdicts("standard") if each.family == "control"]
    if not verdicts:
        return ""
    text = (
        "Is it the meaning of the text that helps, or only the shape of its numbers? Shuffled gives each item another "
        "item's text, noise keeps no more than mean and spread, untrained is the text without any training."
    )
    sentences = "".join(f"<li>{sentence(sentence_of(each))}</li>" for each in verdicts)
    return f"{paragraph(text)}<ul>{sentences}</ul>"


def _table(verdicts: Sequence[Verdict]) -> str:
    caption = (
        "Gain: the difference as a share of the other's mean, with the 95 % interval of this comparison on its own. p "
        "is corrected after Holm over the comparisons that ask the same question; it covers other users and, from "
        "three seeds on, other training runs. p, users (corrected too) takes the trained models as they are."
    )
    rows = [_row(each) for each in verdicts]
    families = [title for family, title in FAMILIES.items() if any(each.family == family for each in verdicts)]
    return Table("comparisons-table", caption, _COLUMNS, rows, filters=families, tall=True).html()


def _row(verdict: Verdict) -> Row:
    gain = verdict.gain if math.isfinite(verdict.gain) else None
    cells = [
        Shown(verdict.label, verdict.label),
        Shown(verdict.reference_label, verdict.reference_label),
        Shown(percent(gain), gain, _interval(verdict)),
        Shown(p_value(verdict.p_holm), verdict.p_holm),
        Shown(verdict.outcome, verdict.outcome),
        Shown(verdict.protocol, verdict.protocol),
        Shown(p_value(verdict.p_user_holm), verdict.p_user_holm),
        Shown(str(verdict.n_seeds), verdict.n_seeds),
    ]
    return Row(cells, FAMILIES[verdict.family], verdict.method.kind)


def _interval(verdict: Verdict) -> str:
    low, high = verdict.interval
    return f"[{percent(low)}, {percent(high)}]" if math.isfinite(low) and math.isfinite(high) else ""


def _as_percent(share: float) -> float | None:
    return 100 * share if math.isfinite(share) else None
