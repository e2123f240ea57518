"""Columns of every type that a table may hold, with the values that break readers."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

LONG = "long " * 4000
DAY = dt.date(2020, 1, 1)
NOON = dt.datetime(2020, 1, 1, 12)

# The value of one user, item or row, from its number; equal numbers have equal values.
Value = Callable[[int], Any]


def _whole(dtype: Any) -> tuple[Any, Value]:
    return dtype, lambda number: number


def _sometimes(value: Any, otherwise: Value, every: int = 3) -> Value:
    return lambda number: value if number % every == 0 else otherwise(number)


TYPED: dict[str, tuple[Any, Value]] = {
    **{
        dtype.__name__.lower(): _whole(dtype)
        for dtype in (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    },
    "negative numbers": (pl.Int64, lambda number: -number),
    "whole numbers near the end": (pl.Int64, lambda number: 2**63 - 1 - number),
    "whole numbers beyond int64": (pl.UInt64, lambda number: 2**64 - 1 - number),
    "whole numbers of 128 bits": (pl.Int128, lambda number: 2**100 + number),
    "whole numbers with nulls": (pl.Int64, _sometimes(None, lambda number: number)),
    "float32": (pl.Float32, float),
    "whole floats": (pl.Float64, float),
    "floats with nulls": (pl.Float64, _sometimes(None, float)),
    "fractions": (pl.Float64, lambda number: number + 0.25),
    "floats with NaN": (pl.Float64, _sometimes(float("nan"), float)),
    "floats with infinity": (pl.Float64, _sometimes(float("inf"), float)),
    "minus infinity": (pl.Float64, lambda number: float("-inf")),
    "floats that lost digits": (pl.Float64, lambda number: 1e20 + 4096.0 * 10 * number),
    "float maximum": (pl.Float64, lambda number: 1.7e308),
    "text": (pl.String, lambda number: f"t{number}"),
    "numbers in text": (pl.String, str),
    "zeros before numbers": (pl.String, lambda number: f"{number:05d}"),
    "floats in text": (pl.String, lambda number: f"{number}.0"),
    "huge numbers in text": (pl.String, lambda number: str(12345678901234567890 + number)),
    "empty texts": (pl.String, lambda number: ""),
    "some empty texts": (pl.String, _sometimes("", lambda number: f"t{number}")),
    "white space": (pl.String, lambda number: " " * (number + 1)),
    "line ends": (pl.String, lambda number: f"a\nb\r\n{number}"),
    "separators": (pl.String, lambda number: f'a,b\t"c" {number}'),
    "zero bytes": (pl.String, lambda number: f"a\0{number}"),
    "long texts": (pl.String, lambda number: f"{LONG}{number}"),
    "all scripts": (pl.String, lambda number: f"ü日本🙂\u202e{number}"),
    "markup": (pl.String, lambda number: f"[bold]{number}[/] <b> {{x}} :smile:"),
    "texts with nulls": (pl.String, _sometimes(None, lambda number: f"t{number}")),
    "days in text": (pl.String, lambda number: str(DAY + dt.timedelta(days=number))),
    "category": (pl.Categorical, lambda number: f"t{number}"),
    "category of numbers": (pl.Categorical, str),
    "category with nulls": (pl.Categorical, _sometimes(None, lambda number: f"t{number}")),
    "enum": (pl.Enum([f"t{number}" for number in range(100)]), lambda number: f"t{number}"),
    "enum of numbers": (pl.Enum([str(number) for number in range(100)]), str),
    "binary": (pl.Binary, lambda number: f"t{number}".encode()),
    "binary that is no text": (pl.Binary, lambda number: bytes([255, number % 256])),
    "list of numbers": (pl.List(pl.Int64), lambda number: [number]),
    "list of texts": (pl.List(pl.String), lambda number: [f"t{number}", "x"]),
    "ragged list": (pl.List(pl.Float64), lambda number: [1.0] * (number % 3)),
    "list of nulls": (pl.List(pl.Null), lambda number: [None]),
    "list of lists": (pl.List(pl.List(pl.Int64)), lambda number: [[number]]),
    "list of structs": (pl.List(pl.Struct({"a": pl.Int64})), lambda number: [{"a": number}]),
    "list with nulls": (pl.List(pl.Float64), _sometimes(None, lambda number: [0.5, float(number), 1.0, 2.0])),
    "list of binary": (pl.List(pl.Binary), lambda number: [b"x"]),
    "array": (pl.Array(pl.Float32, 4), lambda number: [0.5, number, 1.0, number % 3]),
    "array of texts": (pl.Array(pl.String, 2), lambda number: ["a", f"t{number}"]),
    "struct": (pl.Struct({"a": pl.Int64, "b": pl.String}), lambda number: {"a": number, "b": f"t{number}"}),
    "struct of a list": (pl.Struct({"a": pl.List(pl.Int64)}), lambda number: {"a": [number]}),
    "date": (pl.Date, lambda number: DAY + dt.timedelta(days=number)),
    "datetime": (pl.Datetime("us"), lambda number: NOON + dt.timedelta(hours=number)),
    "datetime of nanoseconds": (pl.Datetime("ns"), lambda number: NOON + dt.timedelta(hours=number)),
    "datetime with a zone": (
        pl.Datetime("us", "UTC"),
        lambda number: NOON.replace(tzinfo=dt.timezone.utc) + dt.timedelta(hours=number),  # noqa: UP017
    ),
    "duration": (pl.Duration, lambda number: dt.timedelta(seconds=number)),
    "time": (pl.Time, lambda number: dt.time(number % 24, number // 24 % 60)),
    "decimal": (pl.Decimal(20, 2), lambda number: Decimal(number)),
    "decimal with fractions": (pl.Decimal(20, 2), lambda number: Decimal(number) + Decimal("0.25")),
    "boolean": (pl.Boolean, lambda number: number % 2 == 0),
    "boolean with nulls": (pl.Boolean, _sometimes(None, lambda number: number % 2 == 0)),
    "null": (pl.Null, lambda number: None),
}
"""By name, a polars type and the value of a number."""


class Odd:
    """An object that no library knows."""


OBJECTS: dict[str, Value] = {
    "numbers and texts": lambda number: number if number % 2 else f"t{number}",
    "numbers and nothing": _sometimes(None, lambda number: number),
    "lists and numbers": _sometimes([1], lambda number: number),
    "dictionaries": lambda number: {"a": number},
    "sets": lambda number: {number},
    "tuples": lambda number: (number, "x"),
    "bytes": lambda number: bytes([number % 256]),
    "huge whole numbers": lambda number: 10**30 + number,
    "lone surrogates": lambda number: f"\ud800{number}",
    "one lone surrogate": _sometimes("\udfff", lambda number: f"t{number}", every=1000),
    "objects": lambda number: Odd(),
    "decimals": Decimal,
    "complex numbers": lambda number: complex(number, 1),
    "booleans and texts": lambda number: f"t{number}" if number % 3 else True,
    "days": lambda number: DAY + dt.timedelta(days=number),
    "texts and NaN": _sometimes(float("nan"), lambda number: f"t{number}"),
}
"""What a pandas column of objects may hold, by name: the value of a number."""


def typed_column(name: str, kind: str, numbers: list[int]) -> pl.Series:
    """Return a polars column of a kind; numbers that the type cannot hold wrap around."""
    dtype, value = TYPED[kind]
    wrapped = [number % 100 for number in numbers]
    return pl.Series(name, [value(number) for number in wrapped], dtype=dtype, strict=False)
