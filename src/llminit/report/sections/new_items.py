"""New items and users: what they get from each method, and what the others lose, as curves over the dial."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np

from llminit.report.content import Block, Paragraph, Section, SentenceList
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel, Trace
from llminit.report.numbers import count, decimals, p_value, percent
from llminit.report.plots import line_trace, panel
from llminit.report.styles import Style, assign_styles
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from llminit.results import ColdCell, Method, distinct_labels
from llminit.results.cold import TRADES
from llminit.results.key import HeldOutShares
from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.cold import ColdVerdict, cold_verdicts

FURTHEST = 0.1
"""The largest loss that is drawn."""

_STEPS = np.linspace(0, FURTHEST, 41)
_MARKERS = 7
_AT_TRADE = {
    "recall@10": "recall@10",
    "ndcg@10": "ndcg@10",
    "share_of_lists": "share of lists",
    "most_shown": "most shown",
}
_SHARES = ("share_of_lists", "most_shown")
_OUTCOMES = {
    "better": "shown better than",
    "no difference shown": "no difference is shown to",
    "worse": "shown worse than",
}
_INTRODUCTION = (
    "Items were kept out of training and then ranked in the whole catalogue, known by their text alone. What new items "
    "get they take from the others. So each method has a dial, by which the scores of new items are multiplied: turned "
    "up, more users find a new item that they want (up in the picture), and fewer find one of the others (to the "
    "right). The higher line is the better method; where on it to stand is a choice. Nothing was trained again for it. "
    "text-knn scores an item by how like its text is to those of the user's items; category-popularity gives a new "
    "item the mean popularity of its category."
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
    for index, (held_out, cells) in enumerate(groups.items()):
        blocks += _of_users(index, held_out, [cell for cell in cells if _user_metrics(cell)], labels)
    has_items, has_users = (
        any(cells) for cells in zip(*((bool(c.rows), bool(_user_metrics(c))) for c in data.cold), strict=True)
    )
    title = "New items and users" if has_items and has_users else "New users" if has_users else "New items"
    return Section("new-items", title, title, blocks)


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
    return [_picture(index, held_out, by_method, labels), _table(index, by_method, labels), *_shown(cells, labels)]


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
        f"{words_of(held_out)}: {count(cell.n_items)} items, {count(cell.n_interactions)} interactions with them at "
        f"seed {cell.key.seed}. Means over seeds. Dotted lines stand where the table below compares. A line ends where "
        "the dial does."
    )
    figure = Figure(f"new-items-{index}", traces, layout, caption)
    return panel(words_of(held_out), [figure], styles)


def _trace(name: str, cells: Sequence[ColdCell], style: Style) -> Trace:
    end = min(cell.most_loss for cell in cells)
    losses = [float(loss) for loss in _STEPS if loss <= end] + ([end] if end < FURTHEST else [])
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


def _table(index: int, by_method: Mapping[Method, Sequence[ColdCell]], labels: Mapping[Method, str]) -> Table:
    caption = (
        "Means over seeds, ± standard deviations. Others: recall@10 of the other items where no new one is shown. "
        "Among new: recall@10 of new items ranked among themselves. At a loss: where the dial costs this share of the "
        "method's own recall@10 of the others. Share of lists: of the places in lists of ten, those that new items "
        "take. Most shown: the share of users who get the new item that is shown most; a large one is over-exposed. As "
        "saved: where `fit` leaves the dial, by validation where that says something, and the loss that it has here."
    )
    trades = [Column(title, numeric=True) for _ in TRADES for title in _AT_TRADE.values()]
    columns = [
        Column("Method"),
        *(Column(title, numeric=True) for title in ("others", "among new")),
        *trades,
        *(Column(title, numeric=True) for title in ("loss", "recall@10", "seeds")),
    ]
    groups = [ColumnGroup("", 3), *(ColumnGroup(f"at {100 * loss:g} % loss", len(_AT_TRADE)) for loss in TRADES)]
    rows = [_row(method, cells, labels[method]) for method, cells in by_method.items()]
    groups += [ColumnGroup("as saved", 2), ColumnGroup("", 1)]
    return Table(f"new-items-table-{index}", caption, columns, rows, groups, sorted_by=(3, "descending"))


def _row(method: Method, cells: Sequence[ColdCell], label: str) -> TableRow:
    shown = [
        TableCell(label, label),
        _cell([cell.warm["recall@10"] for cell in cells]),
        _cell([cell.among_cold["recall@10"] for cell in cells if cell.among_cold]),
    ]
    for loss in TRADES:
        for name in _AT_TRADE:
            found = _cell([cell.at(loss, name) for cell in cells], _share if name in _SHARES else decimals)
            ends = mean(cell.most_loss for cell in cells)
            is_short = name == "recall@10" and ends < loss
            shown.append(TableCell(found.text, found.value, f"dial ends at {_share(ends)}") if is_short else found)
    shown += [
        _cell([_saved(cell, name) for cell in cells if cell.saved is not None], form) for name, form in _SAVED.items()
    ]
    return TableRow([*shown, TableCell(str(len(cells)), len(cells))], method.model, method.kind)


def _cell(values: Sequence[float], form: Callable[[float], str] = decimals) -> TableCell:
    if not values:
        return TableCell("–", None)
    return TableCell(form(mean(values)), mean(values), f"± {form(stdev(values))}" if len(values) > 1 else "")


def _share(value: float) -> str:
    return percent(value).lstrip("+")


_SAVED: Mapping[str, Callable[[float], str]] = {"warm_loss": _share, "recall@10": decimals}


def _saved(cell: ColdCell, name: str) -> float:
    """Return a measure where the dial is saved, between two of its values."""
    return float(np.interp(cell.saved or 0.0, [row["dial"] for row in cell.rows], [row[name] for row in cell.rows]))


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
    p = p_value(verdict.p_value)
    p = f"p {p}" if p.startswith("<") else f"p = {p}"
    interval = f"{decimals(verdict.difference)} [{decimals(verdict.low)}, {decimals(verdict.high)}]"
    return f"{labels[verdict.other]} ({decimals(verdict.other_mean)}; difference {interval}, {p})"


def _user_metrics(cell: ColdCell) -> Mapping[str, Any]:
    metrics: Mapping[str, Any] = (cell.new_users or {}).get("metrics") or {}
    return metrics


def _of_users(
    index: int, held_out: HeldOutShares, cells: Sequence[ColdCell], labels: Mapping[Method, str]
) -> list[Block]:
    if not cells:
        return []
    caption = (
        f"New users: {words_of(held_out)} were kept out of training, and then made of their histories alone, for the "
        "interactions of theirs that were held out. Means over seeds, ± standard deviations."
    )
    rows = []
    for method in dict.fromkeys(cell.key.method for cell in cells):
        own = [cell for cell in cells if cell.key.method == method]
        measured = [_cell([_user_metrics(cell)[name] for cell in own]) for name in ("recall@10", "ndcg@10")]
        n_users = mean(cell.new_users["n_users"] for cell in own if cell.new_users)
        counts = [TableCell(count(n_users), n_users), TableCell(str(len(own)), len(own))]
        rows.append(
            TableRow([TableCell(labels[method], labels[method]), *measured, *counts], method.model, method.kind)
        )
    rows.sort(key=lambda row: -float(row.cells[1].value or 0.0))
    columns = [Column("Method"), *(Column(title, numeric=True) for title in ("recall@10", "ndcg@10", "users", "seeds"))]
    return [Table(f"new-users-table-{index}", caption, columns, rows, sorted_by=(1, "descending"))]
