"""RecBole atomic files: tab-separated text whose header gives every field's type, as in `rating:float`."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from llminit import ids as id_values
from llminit.errors import DataError


def read_atomic(content: bytes, path: Path) -> pl.DataFrame:
    """Read an atomic file; columns are named as in the header, without the type.

    A `token` is Int64 where whole numbers come back unchanged, else String; `token_seq` is its text, words separated by
    spaces; `float` is Float64; `float_seq` is a list of Float32.

    Args:
        content: The file's bytes.
        path: The file's name, for messages.

    Raises:
        DataError: The header has no types, or a value is not of its type.
    """
    # RecBole does not quote: a double quote is an ordinary character.
    table = pl.read_csv(content, separator="\t", quote_char=None, infer_schema=False)
    return pl.DataFrame([_typed(column, path) for column in table])


def _typed(column: pl.Series, path: Path) -> pl.Series:
    name, _, kind = column.name.rpartition(":")
    if not name or kind not in _CONVERTERS:
        raise DataError(
            f"the header of {path} has {column.name!r}; expected name:type with a type of {', '.join(_CONVERTERS)}: "
            "correct the header, or give a plain table the ending .tsv"
        )
    try:
        return _CONVERTERS[kind](column.rename(name))
    except PolarsError as error:
        raise DataError(
            f"column {name!r} of {path} is declared as {kind}, but {str(error).splitlines()[0]}; "
            "correct these values or the type in the header"
        ) from error


def _text(column: pl.Series) -> pl.Series:
    return column


def _float(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64)


def _float_seq(column: pl.Series) -> pl.Series:
    words = pl.col(column.name).str.strip_chars().str.replace_all(r"\s+", " ")
    # An empty text gives an empty list, not a list of one empty word.
    numbers = words.str.split(" ").list.filter(pl.element() != "").cast(pl.List(pl.Float32))
    return column.to_frame().select(numbers).to_series()


_CONVERTERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "token": id_values.from_text,
    "token_seq": _text,
    "float": _float,
    "float_seq": _float_seq,
}
