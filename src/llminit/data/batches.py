"""An item table a batch of rows at a time, so that one of any size can be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from llminit.config import ColumnNames
from llminit.data.read import identified_items, read_items
from llminit.errors import DataError

BATCH_ROWS = 65_536
HEAD_ROWS = 1000


@dataclass(frozen=True, eq=False)
class ItemBatches:
    """An item table of which only the ids are held.

    Attributes:
        ids: The items' ids, unique and without nulls, in the order of the table.
        head: The first rows, with all columns; the first is `item_id`.
        batches: Returns the rows again, from the first on, with the columns that it is given.
    """

    ids: pl.Series
    head: pl.DataFrame
    batches: Callable[[Sequence[str]], Iterator[pl.DataFrame]]


def open_items(source: Any, columns: ColumnNames | None = None) -> ItemBatches:
    """Open an item table; a Parquet file is read in batches, everything else as a whole.

    Args:
        source: As for `read_table`.
        columns: Names of the columns; only `item_id` is used.

    Raises:
        DataError: As for `read_items`.
    """
    names = columns or ColumnNames()
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None or path.suffix.lower() != ".parquet" or not _is_parquet(path):
        return _in_memory(read_items(source, names))
    scan = pl.scan_parquet(path, glob=False)
    head = _collected(scan.head(HEAD_ROWS), path)
    if head.is_empty() or names.item_id not in head.columns:
        return _in_memory(read_items(source, names))
    ids = identified_items(_collected(scan.select(names.item_id), path), names, str(path))["item_id"]

    def batches(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        chosen = {name: pl.col(names.item_id if name == "item_id" else name).alias(name) for name in wanted}
        for start in range(0, len(ids), BATCH_ROWS):
            yield _collected(scan.slice(start, BATCH_ROWS).select(chosen.values()), path)

    return ItemBatches(ids, identified_items(head, names, str(path)), batches)


def _in_memory(table: pl.DataFrame) -> ItemBatches:
    def batches(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        return table.select(wanted).iter_slices(BATCH_ROWS)

    return ItemBatches(table["item_id"], table.head(HEAD_ROWS), batches)


def _is_parquet(path: Path) -> bool:
    """Return whether a file can be read as Parquet; what is wrong with it is better said by who reads all of it."""
    try:
        pl.read_parquet_schema(path)
    except (PolarsError, OSError):
        return False
    return True


def _collected(frame: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return frame.collect()
    except (PolarsError, OSError) as error:
        raise DataError(f"cannot read {path} as .parquet: {str(error).splitlines()[0]}; write it again") from error
