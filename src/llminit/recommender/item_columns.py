"""The item table of a recommender to which items are added."""

import polars as pl
from polars.exceptions import PolarsError

from llminit.data.dataset import served_columns
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError, listed


def with_rows(
    table: pl.DataFrame | None, items: Vocabulary, new: pl.DataFrame, replaced: pl.DataFrame
) -> pl.DataFrame | None:
    """Return an item table with the rows of items that were added behind its own.

    Args:
        table: The recommender's columns, one row an item in code order, or None.
        items: The items that were known before.
        new: `item_id` and the caller's columns of new items, in the order of their codes.
        replaced: The same of known items; their rows get these values in the columns that they have.

    Returns:
        All columns, null where an item has none; None where there are only ids.

    Raises:
        DataError: A column holds values that its known ones cannot stand beside.
    """
    if table is None:
        table = pl.DataFrame({"item_id": items.ids})
    elif "item_id" not in table.columns:
        table = table.insert_column(0, items.ids.alias("item_id"))
    added, changed = (_typed(served_columns(each), table) for each in (new, replaced))
    if len(changed):
        table = table.update(changed, on="item_id", how="left")
    result = pl.concat([table, added], how="diagonal")
    return result if len(result.columns) > 1 else None


def _typed(rows: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the column types of a table."""
    for name in rows.columns:
        expected = table.schema.get(name)
        if expected is None or rows.schema[name] == expected:
            continue
        try:
            column = rows[name].cast(expected)
        except PolarsError as error:
            found = f"{rows.schema[name]} such as {listed(rows[name].drop_nulls())}"
            raise DataError(
                f"column {name!r} of the new items holds {found}, "
                f"the known items have {expected} there; write them in the same way"
            ) from error
        rows = rows.with_columns(column)
    return rows
