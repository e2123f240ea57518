"""New items and users: what they get from each method, and what the others lose, as curves over the dial."""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np

from llminit.report.content import Block, Paragraph, Section, SentenceList
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel, Trace
from llminit.report.numbers import count, decimals, p_value
from llminit.report.plots import line_trace, panel
from llminit.report.sections.new_items_tables import items_table, user_metrics, users_table
from llminit.report.styles import Style, assign_styles
from llminit.results import ColdCell, Method, distinct_labels
from llminit.results.cold import TRADES
from llminit.results.key import HeldOutShares
from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.cold import ColdVerdict, cold_verdicts

FURTHEST = 0.1
"""The largest loss that is drawn."""

_STEPS = np.linspace(0, FURTHEST, 41)
_MARKERS = 7
_OUTCOMES = {
    "better": "shown better than",
    "no difference shown": "no difference is shown to",
    "worse": "shown worse than",
}
_INTRODUCTION = (
    "Items were kept out of training and then ranked in the whole catalogue, known by their text alone. What new items "
    "get they take from the others. So each method has a dial, by which the scores of new items are multiplied: turned "
    "up, more users find a new item that they want (up in the picture), and fewer find one of the others (to the "
    "right). The higher line is the better method, and where on it to stand is a choice, for which nothing is trained "
    "again. What is lost is a share of the method's own recall of the others, which the table has: where a method "
    "finds few of these, the same share is less. text-knn scores an item by how like its text is to those of the "
    "user's items; category-popularity gives a new item the mean popularity of its category."
)


def section(data: ReportData) -> Section | None:
    """Return the section; None where nothing was held out."""
    if not data.cold:
        return None
    labels = distinct_labels(cell.key.method for cell in data.cold)
    groups = {held_out: [cell for cell in data.cold if cell.key.held_out == held_out] for held_out in _settings(data)}
    blocks: list[Block] = []
    for index, (held_out, cells) in enumerate(groups.items()):
        blocks += _of_items(index, held_out, [cell for cell in cells if cell.rows], labels)
    if blocks:
        blocks.insert(0, Paragraph(_INTRODUCTION))
    with_users = {held_out: [cell for cell in cells if user_metrics(cell)] for held_out, cells in groups.items()}
    title = "New items" if blocks else "New users"
    title += " and users" if blocks and any(with_users.values()) else ""
    blocks += [
        users_table(index, words_of(held_out), cells, labels)
        for index, (held_out, cells) in enumerate(with_users.items())
        if cells
    ]
    return Section("new-items", title, title, blocks) if blocks else None


def words_of(held_out: HeldOutShares) -> str:
    """Return what was held out in words, such as "10 % of the items, other ones at each seed"."""
    share, kind, users = held_out
    which = "those that appeared last" if kind == "time" else "other ones at each seed"
    items = [] if share is None else [f"{100 * share:g} % of the items, {which}"]
    return ", and ".join([*items, *([] if users is None else [f"{100 * users:g} % of the users"])])


def sentences(verdicts: Sequence[ColdVerdict], labels: Mapping[Method, str]) -> list[str]:
    """Return one sentence a trained model and loss."""
    found = []
    for method, loss in dict.fromkeys((verdict.method, verdict.loss) for verdict in verdicts):
        own = [verdict for verdict in verdicts if (verdict.method, verdict.loss) == (method, loss)]
        own.sort(key=lambda verdict: -verdict.other_mean)
        parts = []
        for outcome, words in _OUTCOMES.items():
            named = [_named(verdict, labels) for verdict in own if verdict.outcome == outcome]
            parts += [f"{words} {', '.join(named)}"] if named else []
        head = f"At {loss:.0%} loss".replace("%", " %")
        found.append(f"{head} {labels[method]} has recall@10 {decimals(own[0].mean)} of new items: {'; '.join(parts)}.")
    return found


def _settings(data: ReportData) -> list[HeldOutShares]:
    return list(dict.fromkeys(cell.key.held_out for cell in data.cold))


def _of_items(
    index: int, held_out: HeldOutShares, cells: Sequence[ColdCell], labels: Mapping[Method, str]
) -> list[Block]:
    if not cells:
        return []
    by_method = _by_method(cells)
    return [_picture(index, held_out, by_method, labels), items_table(index, by_method, labels), *_shown(cells, labels)]


def _by_method(cells: Sequence[ColdCell]) -> dict[Method, list[ColdCell]]:
    """Return the cells of each method, the best method at the first trade first."""
    methods = dict.fromkeys(cell.key.method for cell in cells)
    found = {method: [cell for cell in cells if cell.key.method == method] for method in methods}
    return dict(sorted(found.items(), key=lambda pair: -mean(cell.at(TRADES[0], "recall@10") for cell in pair[1])))


def _picture(
    index: int, held_out: HeldOutShares, by_method: Mapping[Method, Sequence[ColdCell]], labels: Mapping[Method, str]
) -> Panel:
    # Styles go by name, not by rank, so that a method looks the same wherever it stands.
    styles = assign_styles(sorted(labels[method] for method in by_method))
    traces = [_trace(labels[method], cells, styles[labels[method]]) for method, cells in by_method.items()]
    guides = [
        {"type": "line", "x0": 100 * loss, "x1": 100 * loss, "y0": 0, "y1": 1, "yref": "paper"}
        | {"line": {"color": "--base", "width": 1, "dash": "dot"}}
        for loss in TRADES
    ]
    layout = {
        "height": 420,
        "xaxis": {"title": {"text": "recall@10 that the other items lose, %"}, "range": [0, 100 * FURTHEST]},
        "yaxis": {"title": {"text": "recall@10 of new items"}, "rangemode": "tozero"},
        "shapes": guides,
    }
    cell = next(iter(by_method.values()))[0]
    caption = (
        f"{count(cell.n_items)} items that were held out, {count(cell.n_interactions)} interactions with them at seed "
        f"{cell.key.seed}; means over seeds. Dotted lines stand where the table below compares. A line ends where "
        "the dial does."
    )
    figure = Figure(f"new-items-{index}", traces, layout, caption)
    return panel(words_of(held_out), [figure], styles)


def _trace(name: str, cells: Sequence[ColdCell], style: Style) -> Trace:
    end = min(cell.most_loss for cell in cells)
    losses = [float(loss) for loss in _STEPS if loss < end - 1e-9] + [min(end, FURTHEST)]
    recalls = [mean(cell.at(loss, "recall@10") for cell in cells) for loss in losses]
    shares = [100 * mean(cell.at(loss, "share_of_lists") for cell in cells) for loss in losses]
    trace = line_trace(
        name,
        [round(100 * loss, 3) for loss in losses],
        recalls,
        style,
        mode="lines+markers",
        customdata=[round(share, 1) for share in shares],
        hovertemplate="%{fullData.name}<br>loss %{x:.2f} %<br>recall@10 %{y:.4f}<br>"
        "%{customdata} % of the lists<extra></extra>",
    )
    return trace | {"marker": trace["marker"] | {"maxdisplayed": _MARKERS}}


def _shown(cells: Sequence[ColdCell], labels: Mapping[Method, str]) -> list[Block]:
    verdicts = cold_verdicts(cells)
    if not verdicts:
        return [Paragraph(f"No comparison is made: that takes a trained model and {MIN_SEEDS} seeds of both sides.")]
    about = (
        "Recall@10 of new items, trained models against the other ways, at the same loss. Pairs are seeds; p is "
        "corrected for all comparisons in this list."
    )
    return [Paragraph(about), SentenceList(sentences(verdicts, labels))]


def _named(verdict: ColdVerdict, labels: Mapping[Method, str]) -> str:
    name, mean_of_other = labels[verdict.other], decimals(verdict.other_mean)
    if verdict.outcome == "no difference shown":
        return f"{name} ({mean_of_other})"
    p = p_value(verdict.p_value)
    p = f"p {p}" if p.startswith("<") else f"p = {p}"
    interval = f"[{decimals(verdict.low)}, {decimals(verdict.high)}]"
    return f"{name} ({mean_of_other}; difference {decimals(verdict.difference)} {interval}, {p})"
