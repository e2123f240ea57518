"""Tables of the page, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading, plain text.
        numeric: Whether it holds numbers, which are set flush right and sorted by size.
    """

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class ColumnGroup:
    """A heading above columns that belong together.

    Attributes:
        title: Plain text; empty for columns of no group.
        span: How many columns it stands above.
    """

    title: str
    span: int


@dataclass(frozen=True)
class TableCell:
    """One value in a table.

    Attributes:
        text: The text that is shown, plain text.
        value: The sort key; None is missing and stays last.
        detail: A second line in small type, plain text.
    """

    text: str
    value: float | str | None
    detail: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Attributes:
        cells: One a column; the first names the row.
        group: What the table's filter selects rows by.
        kind: Its CSS class: "backbone", "baseline" or "control".
    """

    cells: Sequence[TableCell]
    group: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose columns can be sorted.

    Attributes:
        anchor: Its id in the page.
        caption: What it shows, plain text.
        columns: Its columns.
        rows: Its rows, in their initial order.
        column_groups: Headings above groups of columns; empty for none.
        sorted_by: Which column the rows are sorted by, and how, such as (1, "descending"); None if they are not sorted.
        filters: Groups of rows that the user can choose.
        tall: Whether the table scrolls within itself, for tables of hundreds of rows.

    Raises:
        ValueError: A row has more or fewer cells than the table has columns.
    """

    macro: ClassVar[str] = "table"
    anchor: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[TableRow]
    column_groups: Sequence[ColumnGroup] = ()
    sorted_by: tuple[int, str] | None = None
    filters: Sequence[str] = ()
    tall: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"a row of the table {self.anchor} has {len(row.cells)} cells, expected one for each of its "
                    f"{len(self.columns)} columns"
                )
