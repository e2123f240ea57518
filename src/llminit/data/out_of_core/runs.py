"""First pass: rows are filtered by rating, their items coded in order of appearance, and grouped by ranges of users.

A run is one file of such rows. All later work is on one range of users at a time, which is read out of every run.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import AnyArray, IntArray
from llminit.compiled.tables import grouped_rows
from llminit.data.out_of_core.appearance import ItemCodes
from llminit.data.out_of_core.inputs import InputFile, Reader, Rows, sample_of
from llminit.data.out_of_core.work import WorkFolder
from llminit.errors import DataError

MISSING = np.iinfo(np.int64).max
"""Stands for a missing time: the largest number, so that it comes last."""


def user_bounds(reader: Reader, files: Sequence[InputFile], n_parts: int) -> pl.Series:
    """Return user ids that divide the users into ranges of about equally many rows; at most n_parts - 1."""
    sample = pl.concat(list(sample_of(reader, files))).sort()
    places = [len(sample) * part // n_parts for part in range(1, n_parts)]
    return sample.gather(places).unique().sort().rename("user_id")


def write_run(
    work: WorkFolder, step: str, table: pl.DataFrame, items: ItemCodes, bounds: pl.Series, min_rating: float | None
) -> dict[str, Any]:
    """Write some rows as a run, and return what is to be known of it.

    Raises:
        DataError: A time cannot be told from a missing one.
    """
    highest, n_read = None, len(table)
    if min_rating is not None:
        highest = table["rating"].max()
        table = table.filter(pl.col("rating") >= min_rating)
    codes, new = items.coded(table["item_id"])
    parts = bounds.search_sorted(table["user_id"], side="right").to_numpy().astype(np.int32)
    order, starts = grouped_rows(parts, len(bounds) + 1)
    columns = [table["user_id"].gather(order), pl.Series("item", codes[order])]
    kind = None
    if "timestamp" in table.columns:
        kind, keys = time_keys(table["timestamp"])
        columns.append(pl.Series("time", keys[order]))
    with work.new_file(f"{step}.arrow") as temporary:
        pl.DataFrame(columns).write_ipc(temporary, compression="uncompressed")
    with work.new_file(f"{step}.items.arrow") as temporary:
        new.rename("id").to_frame().write_ipc(temporary, compression="uncompressed")
    return {"starts": starts.tolist(), "rows": len(table), "read": n_read, "highest": highest, "time": kind}


def read_ahead(reader: Reader, batches: Sequence[Rows]) -> Iterator[pl.DataFrame]:
    """Yield the rows of each batch; the next ones are read meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        following = None
        for index, rows in enumerate(batches):
            table = reader.read(rows) if following is None else following.result()
            following = pool.submit(reader.read, batches[index + 1]) if index + 1 < len(batches) else None
            yield table


def run_files(step: str) -> tuple[str, str]:
    """Return the names of a run's files."""
    return f"{step}.arrow", f"{step}.items.arrow"


def read_new_items(work: WorkFolder, step: str) -> pl.Series:
    """Return the items that appeared in a run for the first time."""
    return pl.read_ipc(work.path / f"{step}.items.arrow")["id"]


def part_of_runs(work: WorkFolder, marks: Mapping[str, dict[str, Any]], part: int) -> pl.DataFrame:
    """Return all rows of one range of users, in the order of the caller's rows."""
    return pl.concat(list(_slices(work, marks, part)), rechunk=True)


def _slices(work: WorkFolder, marks: Mapping[str, dict[str, Any]], part: int) -> Iterator[pl.DataFrame]:
    for step, mark in marks.items():
        start, stop = mark["starts"][part : part + 2]
        yield pl.scan_ipc(work.path / f"{step}.arrow").slice(start, stop - start).collect()


def time_keys(times: pl.Series) -> tuple[str, IntArray]:
    """Return the kind of times, "int" or "float", and whole numbers in the same order, the largest where missing.

    Raises:
        DataError: A time is the number that stands for a missing one.
    """
    if times.dtype.is_float():
        return "float", float_keys(times.fill_null(float("nan")).to_numpy())
    if not times.is_empty() and times.max() == MISSING:
        raise DataError(f"found the timestamp {MISSING}, which cannot be told from a missing one: correct it")
    return "int", times.fill_null(MISSING).to_numpy().astype(np.int64)


def float_keys(values: AnyArray) -> IntArray:
    """Return whole numbers that are in the order of the float64 values; `MISSING` for NaN."""
    bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.int64)
    keys: IntArray = np.where(np.isnan(values), MISSING, bits ^ ((bits >> 63) & MISSING))
    return keys


def float_values(keys: IntArray) -> AnyArray:
    """Return the float64 values that `float_keys` made keys of."""
    values = (keys ^ ((keys >> 63) & MISSING)).view(np.float64)
    return np.where(keys == MISSING, np.nan, values)
