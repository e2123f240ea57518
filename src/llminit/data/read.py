"""Reading the caller's two tables, from a file or a data frame, into columns of known names and types."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit import ids as id_values
from llminit.config import ColumnNames
from llminit.data import columns as find
from llminit.data.files import read_file
from llminit.data.measures import ratings, timestamps
from llminit.errors import DataError, listed
from llminit.frames import from_frame


def read_table(source: Any) -> pl.DataFrame:
    """Read any table.

    Args:
        source: A path (.csv, .tsv, .parquet, .jsonl, .ndjson, .json, the text ones also with .gz, or a RecBole atomic
            file: .inter, .item, .user) or a pandas, polars or Arrow table.

    Returns:
        The table. In text files, a column of whole numbers that come back unchanged as text is Int64, the others are
        String; nothing is rounded. Atomic files follow the types in their header.

    Raises:
        DataError: The source cannot be read, or has no rows.
    """
    table = read_file(Path(source)) if isinstance(source, str | Path) else from_frame(source)
    if table.is_empty():
        raise DataError(f"{_name(source)} has no rows; expected at least one below the header: check what wrote it")
    return table


def read_interactions(source: Any, columns: ColumnNames | None = None) -> pl.DataFrame:
    """Read a table of interactions.

    Args:
        source: As for `read_table`.
        columns: Names of the columns.

    Returns:
        `user_id` and `item_id` unchanged, and if the table has them `rating` (Float64, null where
        missing) and `timestamp` (Int64 or Float64, null where missing; dates and times become seconds since 1970).

    Raises:
        DataError: The source cannot be read, a column is absent, an id is missing, a rating is not a number, or a
            timestamp is neither a number nor an ISO 8601 date or time.
    """
    names, table, label = columns or ColumnNames(), read_table(source), _name(source)
    users = id_values.checked(find.required(table, names.user_id, "user_column", label), names.user_id, label)
    items = id_values.checked(find.required(table, names.item_id, "item_column", label), names.item_id, label)
    result = [users.rename("user_id"), items.rename("item_id")]
    rating = find.optional(table, names.rating, "rating", label)
    if rating is not None:
        result.append(ratings(rating, label).rename("rating"))
    timestamp = find.optional(table, names.timestamp, "timestamp", label)
    if timestamp is not None:
        result.append(timestamps(timestamp, label).rename("timestamp"))
    return pl.DataFrame(result)


def read_items(source: Any, columns: ColumnNames | None = None) -> pl.DataFrame:
    """Read a table of items.

    Args:
        source: As for `read_table`.
        columns: Names of the columns; only `item_id` is used.

    Returns:
        `item_id`, which is unique, then all other columns unchanged.

    Raises:
        DataError: The source cannot be read, the id column is absent, or an id is missing or duplicated.
    """
    return identified_items(read_table(source), columns or ColumnNames(), _name(source))


def identified_items(table: pl.DataFrame, names: ColumnNames, label: str) -> pl.DataFrame:
    """Return a table of items with the ids as its first column, `item_id`, after checking them.

    Raises:
        DataError: The id column is absent, or an id is missing or duplicated.
    """
    items = find.required(table, names.item_id, "item_column", label)
    if names.item_id != "item_id" and "item_id" in table.columns:
        raise DataError(
            f"{label} has a column 'item_id' besides {names.item_id!r}, which was named as the item id; "
            "rename or remove one of the two"
        )
    identified = id_values.checked(items, names.item_id, label).rename("item_id")
    _check_unique(identified, label)
    return table.drop(names.item_id).insert_column(0, identified)


def _check_unique(items: pl.Series, label: str) -> None:
    # Without two equal hashes there are no two equal ids; to look for these takes several times the memory.
    hashes = np.sort(items.hash().to_numpy())
    if (hashes[1:] != hashes[:-1]).all():
        return
    repeated = items.filter(items.is_duplicated()).unique(maintain_order=True)
    if len(repeated):
        raise DataError(
            f"{len(repeated)} item ids are in more than one row of {label}, such as {listed(repeated)}; "
            "expected one row an item: remove or merge the others"
        )


def _name(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else f"the {type(source).__name__}"
