"""Ids: which column types can be ids, and how one table's ids are compared with another's."""

import polars as pl
from polars.exceptions import PolarsError

from llminit.errors import DataError


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
    """
    if ids.dtype == dtype:
        return ids
    cast = _cast_and_back(ids, dtype)
    if ids.dtype.is_float() and dtype == pl.String:
        return _cast_and_back(_cast_and_back(ids, pl.Int64()), dtype).fill_null(cast)
    if ids.dtype == pl.String and dtype.is_float():
        return cast.fill_null(_cast_and_back(_cast_and_back(ids, pl.Int64()), dtype))
    return cast


def _cast_and_back(ids: pl.Series, dtype: pl.DataType) -> pl.Series:
    try:
        from_iso = ids.dtype == pl.String and dtype == pl.Date
        other = ids.str.to_date("%Y-%m-%d", strict=False) if from_iso else ids.cast(dtype, strict=False)
        back = other.cast(ids.dtype, strict=False)
    except PolarsError:
        return pl.Series(ids.name, [None] * len(ids), dtype=dtype)
    return pl.select(pl.when(back.eq_missing(ids)).then(other).alias(ids.name)).to_series()


def checked(ids: pl.Series, column: str, table: str) -> pl.Series:
    """Return a column of ids after checking that none is missing; categories become text.

    Raises:
        DataError: An id is missing (null, NaN or empty text), or the column's type cannot be an id.
    """
    if isinstance(ids.dtype, pl.Categorical | pl.Enum):
        ids = ids.cast(pl.String)
    if ids.dtype.is_nested() or ids.dtype == pl.Object:
        raise DataError(
            f"column {column!r} of {table} holds {ids.dtype}, which cannot be an id; "
            "expected numbers, text or dates: name another column"
        )
    missing = _missing(ids)
    if missing.any():
        raise DataError(
            f"column {column!r} of {table} has {missing.sum()} missing ids of {len(ids)}, the first in row "
            f"{(missing.arg_max() or 0) + 1}; expected an id in every row: fill them in or remove these rows"
        )
    return ids


def _missing(ids: pl.Series) -> pl.Series:
    if ids.dtype.is_float():
        return ids.is_null() | ids.is_nan().fill_null(value=False)
    if ids.dtype == pl.String:
        return ids.is_null() | (ids == "").fill_null(value=False)
    return ids.is_null()
