"""Data frames of other libraries, brought in through narwhals."""

import math
from typing import Any
from uuid import UUID

import narwhals as nw
import polars as pl
from narwhals.exceptions import DuplicateError, NarwhalsError
from polars.exceptions import PolarsError

from llminit.errors import DataError

# What the libraries raise on a column that holds values of several types.
_MIXED_ERRORS = (TypeError, ValueError, OverflowError, PolarsError)


def from_frame(source: Any) -> pl.DataFrame:
    """Return a pandas, polars (eager or lazy) or Arrow table as a polars data frame.

    Raises:
        DataError: It is not a table, column names are not distinct texts, or a column holds values of several types.
    """
    try:
        frame = nw.from_native(source)
    except TypeError as error:
        raise DataError(
            f"found {type(source).__name__}; expected a path or a pandas, polars or Arrow table: convert it first"
        ) from error
    except DuplicateError as error:
        raise _bad_names(str(error)) from error
    eager = _eager(frame)
    return pl.DataFrame([_column(eager, name) for name in _column_names(eager)])


def _column_names(frame: nw.DataFrame[Any]) -> list[str]:
    names: list[Any] = frame.columns
    if not all(isinstance(name, str) for name in names):
        raise _bad_names(f"found {names[:5]}")
    return names


def _bad_names(reason: str) -> DataError:
    return DataError(f"the column names cannot be used: {reason}; expected distinct names of text: rename the columns")


def _eager(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    if isinstance(frame, nw.DataFrame):
        return frame
    try:
        return nw.from_native(frame.collect(backend="polars").to_native(), eager_only=True)
    except (PolarsError, NarwhalsError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"the lazy table cannot be computed: {reason}; correct its query") from error


def _column(frame: nw.DataFrame[Any], name: str) -> pl.Series:
    try:
        if frame.schema[name] == nw.Object:
            return _from_objects(name, frame[name].to_list())
        return frame.select(name).to_polars().to_series()
    except ModuleNotFoundError as error:
        raise DataError(f"cannot convert column {name!r}: {error}; install it with: pip install pyarrow") from error
    except _MIXED_ERRORS as error:
        raise DataError(
            f"column {name!r} holds values of several types ({error}); expected one type: convert the column, "
            "to text for instance"
        ) from error


def _from_objects(name: str, values: list[Any]) -> pl.Series:
    # Arbitrary Python objects can only be looked at one by one; UUIDs become their text, which every format can hold.
    present = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    if any(isinstance(value, UUID) for value in present):
        if not all(value is None or isinstance(value, UUID) for value in present):
            raise TypeError("UUIDs among others")
        return pl.Series(name, [None if value is None else str(value) for value in present], dtype=pl.String)
    column = pl.Series(name, present, strict=True)
    if column.dtype == pl.Object:
        raise TypeError("Python objects without a common type")
    return column
