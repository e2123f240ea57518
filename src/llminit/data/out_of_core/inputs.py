"""The files of a table of interactions: one table, however many files it is in, read some rows at a time.

Parquet is read where it is. Text files are first written as Parquet, as text, so that a column's type is decided by all
files, as if they were one.
"""

import gzip
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from llminit import ids as id_values
from llminit.checksums import sha256_of_json
from llminit.config import ColumnNames
from llminit.data.columns import optional, required
from llminit.data.files import ENDINGS, ending_of
from llminit.data.measures import ratings, timestamps
from llminit.data.read import read_table
from llminit.errors import DataError, listed
from llminit.storage import replacing_file

_PARQUET = ".parquet"
_TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


@dataclass(frozen=True)
class InputFile:
    """One file and its number of rows.

    Attributes:
        path: The Parquet file that is read.
        label: What the caller calls it.
        n_rows: Number of rows.
        is_text: Whether its columns were written as text from a text file.
    """

    path: Path
    label: str
    n_rows: int
    is_text: bool = False


@dataclass(frozen=True)
class Rows:
    """A run of rows, which is coded at once.

    Attributes:
        file: Their file.
        start: The first of them.
        count: How many there are.
    """

    file: InputFile
    start: int
    count: int


def input_paths(sources: Sequence[str | Path]) -> list[Path]:
    """Return all files that are named, and those in folders that are named, these in order of their names.

    Raises:
        DataError: Something does not exist, or a folder holds no table.
    """
    paths: list[Path] = []
    for source in map(Path, sources):
        if not source.exists():
            raise DataError(f"found no file {source}; expected a table there: check the path")
        inside = sorted(path for path in source.rglob("*") if _is_table(path, source)) if source.is_dir() else [source]
        if not inside:
            raise DataError(
                f"the folder {source} holds no table; expected files ending in {', '.join(ENDINGS)}: check the path"
            )
        paths += inside
    for path in paths:
        if ending_of(path) not in ENDINGS:
            raise DataError(
                f"{path} ends in {ending_of(path) or 'nothing'!r}, which names no known format; "
                f"expected one of {', '.join(ENDINGS)}: rename or convert the file"
            )
    return paths


def fingerprint_of(paths: Sequence[Path]) -> str:
    """Return a SHA-256 of the files' names, sizes and times of change, which says whether they are as they were."""
    stats = [(str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return sha256_of_json(stats, ensure_ascii=True)


def opened(paths: Sequence[Path], columns: ColumnNames, folder: Path) -> list[InputFile]:
    """Return the files to read, after writing those that are not Parquet as such.

    Args:
        paths: The caller's files.
        columns: The names of the columns.
        folder: Where Parquet files are written; one that is there already is taken as it is.

    Raises:
        DataError: A file cannot be read, or has no rows.
    """
    files = [_opened(path, columns, folder / f"input-{index:05}.parquet") for index, path in enumerate(paths)]
    empty = [file.label for file in files if not file.n_rows]
    if len(empty) == len(files):
        raise DataError(f"{listed(empty)} has no rows; expected at least one below the header: check what wrote it")
    return [file for file in files if file.n_rows]


def rows_of(files: Sequence[InputFile], n_at_once: int) -> list[Rows]:
    """Return all rows of all files in order, in runs of at most so many."""
    return [
        Rows(file, start, min(n_at_once, file.n_rows - start))
        for file in files
        for start in range(0, file.n_rows, n_at_once)
    ]


class Reader:
    """Reads interactions some rows at a time, with the column types that the whole table has."""

    def __init__(self, files: Sequence[InputFile], columns: ColumnNames) -> None:
        """Look at the files' columns.

        Raises:
            DataError: A column is absent, or the files do not agree on the columns or on the type of an id.
        """
        self.columns = columns
        self._names: dict[str, str] = {}
        schemas = [_schema(file) for file in files]
        for file, schema in zip(files, schemas, strict=True):
            names = _column_names(pl.DataFrame(schema=schema), columns, file.label)
            if self._names and names != self._names:
                raise DataError(
                    f"{files[0].label} has the columns {listed(self._names.values())} and {file.label} has "
                    f"{listed(names.values())}; expected the same columns in all files: write them in the same way"
                )
            self._names = names
        self._check_types(files, schemas)
        self._whole = self._whole_numbers(files, schemas[0])
        self._time_type: pl.DataType | None = None

    def has(self, name: str) -> bool:
        """Return whether the table has a column, by our name of it."""
        return name in self._names

    def read(self, rows: Rows, only: tuple[str, ...] = ("user_id", "item_id", "rating", "timestamp")) -> pl.DataFrame:
        """Return some rows, as `read_interactions` returns a whole file.

        Raises:
            DataError: A value cannot be used.
        """
        names = {name: given for name, given in self._names.items() if name in only}
        label = f"{rows.file.label}, rows from {rows.start + 1}"
        try:
            table = pl.scan_parquet(rows.file.path).select(names.values()).slice(rows.start, rows.count).collect()
        except (PolarsError, OSError) as error:
            raise _unreadable(rows.file.label, error) from error
        table = table.with_columns(pl.col(name).cast(pl.Int64) for name in self._whole if name in table.columns)
        result = []
        for name, given in names.items():
            column = table[given]
            if name == "rating":
                column = ratings(column, label)
            elif name == "timestamp":
                column = self._times(column, label)
            else:
                column = id_values.checked(column, given, label)
            result.append(column.rename(name))
        return pl.DataFrame(result)

    def _times(self, column: pl.Series, label: str) -> pl.Series:
        times = timestamps(column, label)
        if times.null_count() < len(times):
            if self._time_type is not None and times.dtype != self._time_type:
                raise DataError(
                    f"column {column.name!r} of {label} holds another kind of time than the rows before it; expected "
                    "numbers or ISO 8601 dates or times, one kind only: correct them or name another column with "
                    "timestamp_column=NAME"
                )
            self._time_type = times.dtype
        return times

    def _check_types(self, files: Sequence[InputFile], schemas: Sequence[pl.Schema]) -> None:
        for name in ("user_id", "item_id", "timestamp"):
            if name not in self._names:
                continue
            types = {str(schema[self._names[name]]): file.label for file, schema in zip(files, schemas, strict=True)}
            if len(types) > 1:
                found = " and ".join(f"{kind} in {label}" for kind, label in list(types.items())[:2])
                raise DataError(
                    f"column {self._names[name]!r} is {found}; expected one type in all files: write them in one way"
                )

    def _whole_numbers(self, files: Sequence[InputFile], schema: pl.Schema) -> list[str]:
        """Return the text columns whose values all come back unchanged as text from whole numbers."""
        texts = [name for name in self._names.values() if schema[name] == pl.String]
        if not texts or not all(file.is_text for file in files):
            return []
        whole = [
            (pl.col(name).cast(pl.Int64, strict=False).cast(pl.String).eq_missing(pl.col(name)).all()
             & pl.col(name).is_not_null().any()).alias(name)
            for name in texts
        ]  # fmt: skip
        found = pl.scan_parquet([file.path for file in files]).select(whole).collect(engine="streaming")
        return [name for name in texts if found[name].item()]


def sample_of(reader: Reader, files: Sequence[InputFile], n_places: int = 32, count: int = 8192) -> Iterator[pl.Series]:
    """Yield user ids of places that are evenly spread over all rows."""
    total = sum(file.n_rows for file in files)
    step, first = max(total // n_places, 1), 0
    for file in files:
        for start in range(-first % step, file.n_rows, step):
            yield reader.read(Rows(file, start, min(count, file.n_rows - start)), ("user_id",))["user_id"]
        first += file.n_rows


def _is_table(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    return path.is_file() and not hidden and ending_of(path) in ENDINGS


def _column_names(empty: pl.DataFrame, columns: ColumnNames, label: str) -> dict[str, str]:
    """Return the caller's names of the columns that are there, by ours."""
    names = {
        "user_id": required(empty, columns.user_id, "user_column", label).name,
        "item_id": required(empty, columns.item_id, "item_column", label).name,
    }
    for name, given in (("rating", columns.rating), ("timestamp", columns.timestamp)):
        column = optional(empty, given, name, label)
        if column is not None:
            names[name] = column.name
    return names


def _schema(file: InputFile) -> pl.Schema:
    try:
        return pl.scan_parquet(file.path).collect_schema()
    except (PolarsError, OSError) as error:
        raise _unreadable(file.label, error) from error


def _opened(path: Path, columns: ColumnNames, converted: Path) -> InputFile:
    is_parquet = ending_of(path) == _PARQUET
    if not is_parquet and not converted.exists():
        _convert(path, columns, converted)
    source = path if is_parquet else converted
    try:
        n_rows = int(pl.scan_parquet(source).select(pl.len()).collect().item())
    except (PolarsError, OSError) as error:
        raise _unreadable(str(path), error) from error
    return InputFile(source, str(path), n_rows, ending_of(path) in _TEXT)


def _convert(path: Path, columns: ColumnNames, converted: Path) -> None:
    """Write a file as Parquet, text in text columns; CSV and TSV in bounded memory, other formats at once."""
    with replacing_file(converted) as temporary:
        if ending_of(path) not in _TEXT:
            table = read_table(path)
            names = _column_names(table, columns, str(path))
            table.select(names.values()).write_parquet(temporary)
            return
        source = temporary.with_name("unpacked") if path.suffix.lower() == ".gz" else path
        try:
            if source != path:
                with gzip.open(path) as packed, source.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, 2**20)
            separator = "\t" if ending_of(path).startswith(".tsv") else ","
            lazy = pl.scan_csv(source, separator=separator, infer_schema=False)
            names = _column_names(pl.DataFrame(schema=lazy.collect_schema()), columns, str(path))
            lazy.select(names.values()).sink_parquet(temporary)
        except (PolarsError, OSError, EOFError) as error:
            raise _unreadable(str(path), error) from error


def _unreadable(label: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(
        f"cannot read {label}: {reason}; expected a whole table in the format that its ending names: write or fetch "
        "it again, then run the same command, which continues"
    )
