"""Finding the caller's columns by name, with suggestions if one is missing."""

import difflib

import polars as pl

from llminit.config import ColumnNames
from llminit.errors import DataError


def required(table: pl.DataFrame, name: str, option: str, label: str) -> pl.Series:
    """Return a column.

    Raises:
        DataError: The table has no such column, or has it twice; the message lists its columns and the option to use.
    """
    if name not in table.columns:
        close = difflib.get_close_matches(name, table.columns, n=2, cutoff=0.5)
        hint = f"; close to it: {', '.join(map(repr, close))}" if close else ""
        raise DataError(
            f"{label} has no column {name!r}; found: {', '.join(map(repr, table.columns))}{hint}. "
            f"Say which column it is with {option}=NAME"
        )
    if f"{name}_duplicated_0" in table.columns:
        raise DataError(f"{label} has more than one column called {name!r}; rename or remove the others")
    return table[name]


def optional(table: pl.DataFrame, name: str, role: str, label: str) -> pl.Series | None:
    """Return a column, or None if it is absent under its default name.

    Raises:
        DataError: The caller named the column, and the table does not have it.
    """
    if name not in table.columns and name == ColumnNames.model_fields[role].default:
        return None
    return required(table, name, f"{role}_column", label)
