"""Pieces of the page as HTML; every string that comes from data is escaped here."""

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_KEPT_TOGETHER = {
    " %": "&nbsp;%",
    "p = ": "p&nbsp;=&nbsp;",
    "p &lt; ": "p&nbsp;&lt;&nbsp;",
    " + ": "&nbsp;+ ",
}


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        name: Its anchor.
        title: Its heading, plain text.
        link: What the list of sections calls it, plain text.
        body: HTML.
    """

    name: str
    title: str
    link: str
    body: str

    def html(self) -> str:
        """Return the section as HTML."""
        heading = f'<h2 id="{self.name}-title">{escaped(self.title)}</h2>'
        return f'<section id="{self.name}" aria-labelledby="{self.name}-title">\n{heading}\n{self.body}\n</section>'


@dataclass(frozen=True)
class Shown:
    """What a table shows in one place.

    Attributes:
        text: What is read, plain text.
        value: What it is sorted by; None is missing and stays last.
        small: A second line, plain text.
    """

    text: str
    value: float | str | None
    small: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: One a column; the first names the row.
        group: What a filter selects rows by.
        kind: Its style: "backbone", "baseline" or "control".
    """

    cells: Sequence[Shown]
    group: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose columns can be sorted.

    Attributes:
        name: Its anchor.
        caption: What it shows, plain text.
        columns: The columns' headings, plain text; one that starts with "#" holds numbers.
        rows: Its rows, in the order that they are shown at first.
        over: Headings above groups of columns, each with how many columns it spans.
        filters: Groups of rows that can be chosen between.
        tall: Scrolls within itself, for tables of hundreds of rows.
        sorted_by: Which column the rows are sorted by, and how, such as (1, "descending").
    """

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    over: Sequence[tuple[str, int]] = ()
    sorted_by: tuple[int, str] | None = None
    filters: Sequence[str] = ()
    tall: bool = False

    def html(self) -> str:
        """Return the table as HTML, with a filter above it where there is something to choose between."""
        # Not a caption element: that is as wide as its table, and so is cut off where the table has to scroll.
        says = f"{self.caption} {len(self.rows)} rows; the table scrolls." if self.tall else self.caption
        caption = f'<p class="caption" id="{self.name}-caption">{escaped(says)}</p>'
        body = "\n".join(self._row(row) for row in self.rows)
        style = "table tall" if self.tall else "table"
        region = f'<div class="{style}" role="region" aria-labelledby="{self.name}-caption" tabindex="0">'
        table = f'<table id="{self.name}" aria-describedby="{self.name}-caption">'
        return (
            f"{self._filter()}{caption}\n{region}\n"
            f"{table}\n<thead>{self._over()}<tr>{self._headings()}</tr></thead>\n"
            f"<tbody>\n{body}\n</tbody></table></div>"
        )

    def _filter(self) -> str:
        if len(self.filters) < 2:
            return ""
        options = "".join(f'<option value="{escaped(each)}">{escaped(each)}</option>' for each in self.filters)
        return (
            f'<div class="controls"><label>Show <select data-filters="{self.name}">'
            f'<option value="">all rows</option>{options}</select></label></div>\n'
        )

    def _over(self) -> str:
        if not self.over:
            return ""
        spans = (
            f'<th scope="colgroup" colspan="{span}">{escaped(title)}</th>' if title else f'<td colspan="{span}"></td>'
            for title, span in self.over
        )
        return f'<tr class="over">{"".join(spans)}</tr>'

    def _headings(self) -> str:
        found = []
        for index, title in enumerate(self.columns):
            order = f' aria-sort="{self.sorted_by[1]}"' if self.sorted_by and self.sorted_by[0] == index else ""
            style = ' class="number"' if title.startswith("#") else ""
            button = f'<button type="button">{escaped(title.removeprefix("#"))}</button>'
            found.append(f'<th scope="col"{style}{order}>{button}</th>')
        return "".join(found)

    def _row(self, row: Row) -> str:
        pairs = enumerate(zip(row.cells, self.columns, strict=True))
        cells = "".join(_cell(shown, title, index) for index, (shown, title) in pairs)
        return f'<tr class="{escaped(row.kind)}" data-group="{escaped(row.group)}">{cells}</tr>'


def escaped(value: Any) -> str:
    """Return text that is safe between tags and in quoted attributes."""
    return html.escape(str(value))


def script_json(value: Any) -> str:
    """Return JSON that is safe inside a script element: nothing in it can end the element.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def sentence(text: str) -> str:
    """Return a sentence as HTML, in which a number is never parted from its percent sign, nor p from its value."""
    shown = escaped(text)
    for parted, kept in _KEPT_TOGETHER.items():
        shown = shown.replace(parted, kept)
    return shown


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{style}">{escaped(text)}</p>' if style else f"<p>{escaped(text)}</p>"


def side_by_side(parts: Iterable[str]) -> str:
    """Put HTML parts beside each other where the window is wide, else below each other."""
    return f'<div class="pair">\n{"".join(parts)}\n</div>'


def _cell(shown: Shown, title: str, index: int) -> str:
    value = "" if shown.value is None else escaped(shown.value)
    small = f"<small>{escaped(shown.small)}</small>" if shown.small else ""
    if index == 0:
        return f'<th scope="row" data-value="{value}">{escaped(shown.text)}{small}</th>'
    style = ' class="number"' if title.startswith("#") else ""
    return f'<td{style} data-value="{value}">{escaped(shown.text)}{small}</td>'
