"""Data frames and columns of other libraries, brought in through narwhals."""

import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import narwhals as nw
import numpy as np
import polars as pl
from narwhals.exceptions import DuplicateError, NarwhalsError
from polars.exceptions import PolarsError

from llminit.errors import DataError, shown

# What the libraries raise on a column that holds values of several types.
_MIXED_ERRORS = (TypeError, ValueError, OverflowError, AttributeError, PolarsError)


def from_frame(source: Any) -> pl.DataFrame:
    """Return a pandas, polars (eager or lazy) or Arrow table as a polars data frame.

    A column of values that have no common type is kept as Python objects (`Object`): only who needs it may refuse it.

    Raises:
        DataError: It is not a table, or column names are not distinct texts.
    """
    try:
        frame = nw.from_native(source)
    except TypeError as error:
        raise DataError(
            f"found {type(source).__name__}; expected a path or a pandas, polars or Arrow table: convert it first"
        ) from error
    except DuplicateError as error:
        raise _bad_names("two columns have the same name") from error
    eager = _eager(frame)
    return pl.DataFrame([_column(eager[name], name) for name in _column_names(eager)])


def from_values(name: str, values: Any) -> pl.Series:
    """Return a column of any library, an array or another iterable as a polars series.

    Values that have no common type are kept as Python objects (`Object`).

    Raises:
        DataError: It is one value, or an array of several dimensions.
    """
    if isinstance(values, pl.Series):
        return values.rename(name)
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise DataError(f"found {shown(values)} for {name}; expected a list of values: write [{shown(values)}]")
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise DataError(f"found {name} of shape {values.shape}; expected one dimension: flatten the array")
    try:
        return _column(nw.from_native(values, series_only=True), name)
    except TypeError:
        return _typed_or_objects(name, values.tolist() if isinstance(values, np.ndarray) else list(values))


def plain(column: pl.Series) -> pl.Series:
    """Return a column of categories as text, any other as it is."""
    return column.cast(pl.String) if isinstance(column.dtype, pl.Categorical | pl.Enum) else column


def described(column: pl.Series) -> str:
    """Return what a column holds, for messages: its type, or why it has none."""
    if isinstance(column.dtype, pl.Enum | pl.Categorical):
        return "categories"
    if column.dtype != pl.Object:
        return str(column.dtype) if len(str(column.dtype)) <= 60 else type(column.dtype).__name__
    present = [value for value in column.to_list() if value is not None]
    torn = next((value for value in present if isinstance(value, str) and not _is_unicode(value)), None)
    if torn is not None:
        return f"text that is not valid Unicode, such as {shown(torn)}"
    examples = list({type(value).__name__: value for value in present}.values())[:3]
    named = " and ".join(f"{shown(value)} ({type(value).__name__})" for value in examples)
    return (
        f"values of several types, such as {named}" if len(examples) > 1 else f"values without a type, such as {named}"
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _column_names(frame: nw.DataFrame[Any]) -> list[str]:
    names: list[Any] = frame.columns
    if not all(isinstance(name, str) and _is_unicode(name) for name in names):
        raise _bad_names(f"found {shown(names[:5])}")
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


def _column(series: nw.Series[Any], name: str) -> pl.Series:
    try:
        if series.dtype != nw.Object:
            return series.to_polars().rename(name)
    except ModuleNotFoundError as error:
        raise DataError(f"cannot convert column {name!r}: {error}; install it with: pip install pyarrow") from error
    except _MIXED_ERRORS:
        pass
    return _typed_or_objects(name, series.to_list())


def _typed_or_objects(name: str, values: list[Any]) -> pl.Series:
    # Arbitrary Python objects can only be looked at one by one; UUIDs become their text, which every format can hold.
    present = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    if any(isinstance(value, UUID) for value in present) and all(isinstance(one, UUID | None) for one in present):
        present = [None if value is None else str(value) for value in present]
    try:
        column = pl.Series(name, present, strict=True)
    except _MIXED_ERRORS:
        return pl.Series(name, present, dtype=pl.Object)
    return column


def as_texts(column: pl.Series) -> pl.Series | None:
    """Return a column's values as text, lists joined with " | ", or None for a type that people do not read."""
    inner = column.dtype.inner if isinstance(column.dtype, pl.List | pl.Array) else column.dtype
    if not isinstance(inner, pl.DataType) or inner.is_nested() or inner in (pl.Object, pl.Binary):
        return None
    if isinstance(column.dtype, pl.List | pl.Array):
        words = column.cast(pl.List(inner)).list.eval(pl.element().cast(pl.String))
        return words.cast(pl.List(pl.String)).list.join(" | ", ignore_nulls=True)
    if column.dtype == pl.Duration:
        return column.dt.to_string("iso")
    return column.cast(pl.String)


def holds_text(dtype: Any) -> bool:
    """Return whether all that a type holds can be written as text: no bytes and no Python objects at any depth."""
    if isinstance(dtype, pl.List | pl.Array):
        return holds_text(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(holds_text(field.dtype) for field in dtype.fields)
    return dtype not in (pl.Object, pl.Binary)
