"""Ratings and timestamps as numbers."""

import polars as pl

from llminit.errors import DataError, shown
from llminit.frames import described, plain

ISO_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M%:z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)


def ratings(column: pl.Series, label: str) -> pl.Series:
    """Return ratings as Float64, null where missing (null, NaN or empty text).

    Raises:
        DataError: A rating is not a number.
    """
    column = plain(column)
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean, pl.Null)):
        raise DataError(_error_message(column, label, f"it holds {described(column)}", "numbers", "rating_column"))
    stripped = column.str.strip_chars() if column.dtype == pl.String else column
    numbers = stripped.cast(pl.Float64, strict=False)
    _check_converted(column, numbers, label, "numbers", "rating_column")
    return numbers.fill_nan(None)


def timestamps(column: pl.Series, label: str) -> pl.Series:
    """Return timestamps as Int64 or Float64, null where missing.

    Numbers stay as they are. Dates and times become seconds since 1970-01-01; those without a zone are taken as UTC.

    Raises:
        DataError: The column holds other values, which have no order in time.
    """
    column = plain(column)
    if column.dtype.is_integer() or column.dtype == pl.Null:
        return _in_64_bits(column, label)
    if column.dtype.is_float() or column.dtype.is_decimal():
        return column.cast(pl.Float64).fill_nan(None)
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return _seconds(column)
    if column.dtype == pl.String:
        return _from_text(column, label)
    expected = "numbers or ISO 8601 dates or times"
    raise DataError(_error_message(column, label, f"it holds {described(column)}", expected, "timestamp_column"))


def _in_64_bits(column: pl.Series, label: str) -> pl.Series:
    numbers = column.cast(pl.Int64, strict=False)
    _check_converted(column, numbers, label, "numbers of at most 64 bits", "timestamp_column")
    return numbers


def _from_text(column: pl.Series, label: str) -> pl.Series:
    stripped = column.str.strip_chars()
    numbers = stripped.cast(pl.Float64, strict=False)
    if (numbers.is_not_null() | stripped.is_null() | (stripped == "")).all():
        return numbers.fill_nan(None)
    text = stripped.str.replace(r"^(\S+) +", "${1}T").str.replace(r"[Zz]$", "+00:00")
    readings = [_seconds(text.str.to_datetime(form, strict=False, time_unit="us")) for form in ISO_FORMATS]
    seconds = pl.select(pl.coalesce(readings)).to_series().rename(column.name)
    _check_converted(column, seconds, label, "numbers or ISO 8601 dates or times, one kind only", "timestamp_column")
    return seconds


def _seconds(times: pl.Series) -> pl.Series:
    return times.dt.epoch("us") / 1_000_000


def _check_converted(column: pl.Series, numbers: pl.Series, label: str, expected: str, option: str) -> None:
    wrong = numbers.is_null() & column.is_not_null()
    if column.dtype == pl.String:
        wrong = wrong & (column.str.strip_chars() != "").fill_null(value=False)
    if wrong.any():
        row = wrong.arg_max() or 0
        found = f"{wrong.sum()} values cannot be used, the first in row {row + 1}: {shown(column[row])}"
        raise DataError(_error_message(column, label, found, expected, option))


def _error_message(column: pl.Series, label: str, found: str, expected: str, option: str) -> str:
    return (
        f"column {column.name!r} of {label}: {found}; expected {expected}: "
        f"correct them or name another column with {option}=NAME"
    )
