"""The tables of new items and users: one row a method, means over seeds."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np

from llminit.report.numbers import count, decimals, percent
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from llminit.results import ColdCell, Method
from llminit.results.cold import TRADES

_AT_TRADE = {
    "recall@10": "recall@10",
    "ndcg@10": "ndcg@10",
    "share_of_lists": "share of lists",
    "most_shown": "most shown",
}
_SHARES = ("share_of_lists", "most_shown")


def items_table(index: int, by_method: Mapping[Method, Sequence[ColdCell]], labels: Mapping[Method, str]) -> Table:
    """Return the table of new items.

    Args:
        index: A number that no other table of the page has.
        by_method: Cells that measured new items, the best method first.
        labels: Names of the methods.
    """
    caption = (
        "Means over seeds, ± standard deviations. Others: recall@10 of the other items where no new one is shown. "
        "Among new: recall@10 of new items ranked among themselves. At a loss: where the dial costs this share of the "
        "method's own recall@10 of the others. Share of lists: of the places in lists of ten, those that new items "
        "take. Most shown: the share of users who get the new item that is shown most; a large one is over-exposed. As "
        "saved: where llminit fit leaves the dial, by validation where that says something, and what that costs here."
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


def users_table(index: int, held_out: str, cells: Sequence[ColdCell], labels: Mapping[Method, str]) -> Table:
    """Return the table of new users.

    Args:
        index: A number that no other table of the page has.
        held_out: What was held out, in words.
        cells: Cells that measured new users.
        labels: Names of the methods.
    """
    caption = (
        f"New users: {held_out} were kept out of training, and then made of their histories alone, for the "
        "interactions of theirs that were held out. Means over seeds, ± standard deviations."
    )
    rows = []
    for method in dict.fromkeys(cell.key.method for cell in cells):
        own = [cell for cell in cells if cell.key.method == method]
        measured = [_cell([user_metrics(cell)[name] for cell in own]) for name in ("recall@10", "ndcg@10")]
        n_users = mean(cell.new_users["n_users"] for cell in own if cell.new_users)
        counts = [TableCell(count(n_users), n_users), TableCell(str(len(own)), len(own))]
        rows.append(
            TableRow([TableCell(labels[method], labels[method]), *measured, *counts], method.model, method.kind)
        )
    rows.sort(key=lambda row: -float(row.cells[1].value or 0.0))
    columns = [Column("Method"), *(Column(title, numeric=True) for title in ("recall@10", "ndcg@10", "users", "seeds"))]
    return Table(f"new-users-table-{index}", caption, columns, rows, sorted_by=(1, "descending"))


def user_metrics(cell: ColdCell) -> Mapping[str, Any]:
    """Return the metrics of the users that a cell held out; empty where there are none."""
    metrics: Mapping[str, Any] = (cell.new_users or {}).get("metrics") or {}
    return metrics


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
