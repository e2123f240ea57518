"""What is wrong with a file that cannot be read, or that would be read as something else."""

import csv
import io
import json
import re
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from llminit.errors import DataError, shown

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def check_line_breaks(table: pl.DataFrame, separator: str, path: Path) -> None:
    """Check that no quoted field has swallowed rows: a quote that opens a field goes on to the next quote.

    A field that was meant to have several lines passes. One whose lines have as many separators as rows would have,
    none of them followed by white space, is taken for rows.

    Raises:
        DataError: A field looks like several rows.
    """
    width = len(table.columns)
    for position, column in enumerate(table if width > 1 else []):
        for row, text in enumerate(column.to_list() if column.str.contains("\n", literal=True).any() else []):
            if text and "\n" in text and _looks_like_rows(text, separator, position, width):
                raise DataError(
                    f"column {column.name!r} of {path} holds several lines in row {row + 1}, {shown(text)}, which look "
                    "like rows that a double quote at the start of a field swallowed; expected one row a line: write "
                    "that quote twice within quotes, or save the table as Parquet"
                )


def _looks_like_rows(text: str, separator: str, position: int, width: int) -> bool:
    lines = text.splitlines()
    expected = [width - 1 - position, *[width - 1] * (len(lines) - 2), position]
    counts = [line.count(separator) for line in lines]
    return counts == expected and not re.search(rf"{re.escape(separator)}[ ]", text)


def check_surrogates(content: bytes, path: Path) -> None:
    """Check that JSON text has no half of a surrogate pair, which no text in UTF-8 can hold.

    Raises:
        DataError: A line has one.
    """
    for number, line in enumerate(content.splitlines() if _SURROGATE.search(content) else [], start=1):
        try:
            json.dumps(json.loads(line), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"line {number} of {path} holds text that is not valid Unicode: half of a surrogate pair, "
                f"{shown(error.object[error.start])}; expected whole characters: remove it"
            ) from error
        except ValueError:
            return  # What is no JSON is reported by the reader.


def explained(error: PolarsError, content: bytes, path: Path) -> str:
    """Return what is wrong with a file's content, and what to do."""
    reason = str(error).lower()
    name = path.name.lower().removesuffix(".gz")
    if "utf-8" in reason or "utf8" in reason:
        return "it holds bytes that are not UTF-8; expected text in UTF-8: save it as UTF-8"
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return _bad_json(content)
    if name.endswith(".parquet"):
        return "it is no whole Parquet file; the file is damaged or in another format: write it again"
    delimiter = "," if name.endswith(".csv") else "\t"
    return _bad_rows(content, delimiter, is_ragged="more fields" in reason)


def _bad_json(content: bytes) -> str:
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            is_object = not line.strip() or isinstance(json.loads(line), dict)
        except ValueError:
            is_object = False
        if not is_object:
            found = shown(line.decode(errors="replace"))
            return f"line {number} is {found}; expected one JSON object a line: check what wrote it"
    return "a column holds values of several types; expected one JSON object a line, of the same types: convert them"


def _bad_rows(content: bytes, delimiter: str, *, is_ragged: bool) -> str:
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""), delimiter=delimiter)
    width = len(next(rows, []))
    for row in rows if is_ragged else ():
        if len(row) > width:
            return (
                f"line {rows.line_num} has {len(row)} fields where the header has {width}; "
                "put a field that holds the separator in double quotes"
            )
    if is_ragged:
        return f"a line has more fields than the header's {width}; make all lines the same width"
    return "a double quote opens a field that no quote ends; write a quote twice within quotes, or save it as Parquet"
