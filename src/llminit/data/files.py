"""Reading tables from files, by file ending."""

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import polars as pl
from polars.exceptions import NoDataError, PolarsError

from llminit import ids as id_values
from llminit.data.atomic import read_atomic
from llminit.data.damage import check_line_breaks, check_surrogates, explained
from llminit.errors import DataError


def read_file(path: Path) -> pl.DataFrame:
    """Read a table from a file, in the format that its ending names.

    Raises:
        DataError: There is no such file, its ending is unknown, or its content is not what the ending says.
    """
    reader = _reader(path)
    content = _content(path)
    try:
        return reader(content, path)
    except NoDataError as error:
        raise DataError(f"{path} is empty; expected a header and rows: check what wrote it") from error
    except PolarsError as error:
        raise DataError(f"cannot read {path} as {ending_of(path)}: {explained(error, content, path)}") from error


def _read_csv(content: bytes, path: Path) -> pl.DataFrame:
    separator = "\t" if ending_of(path).startswith(".tsv") else ","
    # All columns are read as text first: a number that is parsed cannot be written back unchanged.
    table = pl.read_csv(content, separator=separator, infer_schema=False)
    check_line_breaks(table, separator, path)
    return table.with_columns(id_values.from_text(column) for column in table)


def _read_parquet(content: bytes, path: Path) -> pl.DataFrame:  # noqa: ARG001
    return pl.read_parquet(io.BytesIO(content))


def _read_json_lines(content: bytes, path: Path) -> pl.DataFrame:
    if not content.strip():
        raise NoDataError
    check_surrogates(content, path)
    return pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)


_Reader: TypeAlias = Callable[[bytes, Path], pl.DataFrame]

_READERS: dict[str, _Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".inter": read_atomic,
    ".item": read_atomic,
    ".user": read_atomic,
}
_READERS |= {f"{ending}.gz": _READERS[ending] for ending in (".csv", ".tsv", ".jsonl", ".ndjson", ".json")}

ENDINGS = tuple(_READERS)
"""What the names of tables may end in."""


def ending_of(path: Path) -> str:
    """Return the part of a file's name that says its format, in lower case."""
    return "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]).lower()


def _reader(path: Path) -> _Reader:
    if not path.exists():
        raise DataError(f"found no file {path}; expected a table there: check the path")
    if path.is_dir():
        raise DataError(
            f"{path} is a folder; expected a file: name the table inside it, or make one "
            "table of its files with `llminit data prepare`"
        )
    try:
        return _READERS[ending_of(path)]
    except KeyError:
        raise DataError(
            f"{path} ends in {ending_of(path) or 'nothing'!r}, which names no known format; "
            f"expected one of {', '.join(_READERS)}: rename or convert the file"
        ) from None


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}; check that the file is whole and may be read") from error
