"""Ids: which column types can be ids, and how one table's ids are compared with another's."""

from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from llminit.errors import DataError, listed
from llminit.frames import described, from_values, plain

# A float holds every whole number below this one; from here on, digits are lost.
_FLOAT_LIMIT = 2**53
_EXPECTED = "expected whole numbers of at most 64 bits, text or dates"
_TOO_WIDE = ("Int128", "UInt128")


def from_text(column: pl.Series) -> pl.Series:
    """Return a text column as Int64 if every value comes back unchanged as text, else as it is.

    "12" becomes 12; a column with "012", "+12", "12.0" or " 12" in it stays text, because 12 would not give it back.
    """
    numbers = column.cast(pl.Int64, strict=False)
    if column.null_count() == len(column) or not numbers.cast(pl.String).eq_missing(column).all():
        return column
    return numbers


def converted(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return ids as another type; an id that would not come back unchanged becomes null, so that it matches nothing.

    A float that is a whole number, as pandas makes of whole numbers with a gap, is the text of that whole number.
    Categories are their text. A number is never a date, nor a truth value a number.
    """
    ids = plain(ids)
    if ids.dtype == dtype:
        return ids
    if not _are_comparable(ids.dtype, dtype):
        return pl.Series(ids.name, [None] * len(ids), dtype=dtype)
    if ids.dtype == pl.String and isinstance(dtype, pl.Date | pl.Datetime):
        return _from_iso(ids, dtype)
    if _is_time(ids.dtype) and dtype == pl.String:
        return ids.dt.to_string("iso")
    cast = _cast_and_back(ids, dtype)
    if ids.dtype.is_float() and dtype == pl.String:
        return _cast_and_back(_cast_and_back(ids, pl.Int64()), dtype).fill_null(cast)
    if ids.dtype == pl.String and dtype.is_float():
        return cast.fill_null(_cast_and_back(_cast_and_back(ids, pl.Int64()), dtype))
    return cast


def _are_comparable(one: pl.DataType, other: pl.DataType) -> bool:
    if pl.String in (one, other):
        return all(dtype == pl.String or dtype.is_numeric() or _is_time(dtype) for dtype in (one, other))
    return (one.is_numeric() and other.is_numeric()) or (_is_time(one) and _is_time(other))


def _is_time(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Date | pl.Datetime)


def _from_iso(ids: pl.Series, dtype: pl.Date | pl.Datetime) -> pl.Series:
    if isinstance(dtype, pl.Date):
        return ids.str.to_date("%Y-%m-%d", strict=False)
    forms = [f"%Y-%m-%d{sign}%H:%M:%S%.f{'%:z' if dtype.time_zone else ''}" for sign in ("T", " ")]
    readings = [ids.str.to_datetime(form, strict=False, time_unit=dtype.time_unit) for form in forms]
    return pl.select(pl.coalesce(readings)).to_series().cast(dtype).rename(ids.name)


def _cast_and_back(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    try:
        other = ids.cast(dtype, strict=False)
        back = other.cast(ids.dtype, strict=False)
    except PolarsError:
        return pl.Series(ids.name, [None] * len(ids), dtype=dtype)
    return pl.select(pl.when(back.eq_missing(ids)).then(other).alias(ids.name)).to_series()


def requested(values: Any, what: str) -> pl.Series:
    """Return the ids that a caller asks for, from a column of any library, an array or another iterable.

    Numbers and texts may stand side by side; then all are text.

    Args:
        values: The ids; null where one is missing.
        what: What they stand for in messages, such as "user ids".

    Raises:
        DataError: It is one id and no list, or the values cannot be ids.
    """
    ids = plain(from_values(what, values))
    if ids.dtype == pl.Object and all(_is_number_or_text(value) for value in ids.to_list()):
        ids = from_values(what, [None if value is None else str(value) for value in ids.to_list()])
    if ids.dtype.is_nested() or ids.dtype in (pl.Object, pl.Binary):
        raise DataError(f"the {what} hold {described(ids)}, which cannot be ids; {_EXPECTED}: convert them")
    return ids


def _is_number_or_text(value: Any) -> bool:
    return value is None or (isinstance(value, int | str) and not isinstance(value, bool))


def checked(ids: pl.Series, column: str, table: str) -> pl.Series:
    """Return a column of ids after checking that none is missing.

    Categories become text, and decimals of whole numbers become Int64.

    Raises:
        DataError: An id is missing (null, NaN or empty text), or the column's type or values cannot be ids.
    """
    ids = plain(ids)
    if not _can_be_ids(ids.dtype):
        raise _refusal(column, table, f"holds {described(ids)}, which cannot be an id; {_EXPECTED}")
    missing = _missing(ids)
    if missing.any():
        raise DataError(
            f"column {column!r} of {table} has {missing.sum()} missing ids of {len(ids)}, the first in row "
            f"{(missing.arg_max() or 0) + 1}; expected an id in every row: fill them in or remove these rows"
        )
    return _whole(ids, column, table) if ids.dtype.is_float() or ids.dtype.is_decimal() else ids


def _can_be_ids(dtype: pl.DataType) -> bool:
    is_number = dtype.is_numeric() and str(dtype) not in _TOO_WIDE
    return is_number or dtype in (pl.String, pl.Null) or _is_time(dtype)


def _whole(ids: pl.Series, column: str, table: str) -> pl.Series:
    numbers = ids.cast(pl.Float64)
    wrong = (numbers != numbers.floor()) | numbers.is_infinite()
    if wrong.any():
        raise _refusal(column, table, f"has ids with fractions, such as {listed(ids.filter(wrong))}; {_EXPECTED}")
    far = numbers.abs() >= _FLOAT_LIMIT
    if far.any():
        raise _refusal(
            column,
            table,
            f"has ids that were read as floats and may have lost digits, such as {listed(ids.filter(far))}; "
            f"{_EXPECTED}",
        )
    return ids.cast(pl.Int64) if ids.dtype.is_decimal() else ids


def _refusal(column: str, table: str, reason: str) -> DataError:
    return DataError(f"column {column!r} of {table} {reason}: convert it, to text for instance, or name another column")


def _missing(ids: pl.Series) -> pl.Series:
    if ids.dtype.is_float():
        return ids.is_null() | ids.is_nan().fill_null(value=False)
    if ids.dtype == pl.String:
        return ids.is_null() | (ids == "").fill_null(value=False)
    return ids.is_null()


def examples(ids: pl.Series) -> str:
    """Return an id column's first values and its type, for messages."""
    return f"{listed(ids.head(3))} ({described(ids)})"
