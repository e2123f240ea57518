"""Second pass: one range of users at a time gets its codes, loses repeated rows and is put in order of time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import AnyArray
from llminit.compiled.tables import dense_codes, grouped_rows, keep_earliest, take_kept
from llminit.data.out_of_core.runs import part_of_runs
from llminit.data.out_of_core.work import WorkFolder, write_array

_DENSE = 8
"""A table of codes is made where ids are spread over at most so many numbers a row."""

STARTS, ITEMS, TIMES, USERS = "indptr.npy", "items.npy", "timestamps.npy", "users.arrow"


def write_part(
    work: WorkFolder, step: str, marks: Mapping[str, dict[str, Any]], part: int, item_ranks: AnyArray
) -> dict[str, Any]:
    """Write one range of users, and return what is to be known of it.

    Args:
        work: Where the runs are.
        step: The name of the result.
        marks: What the runs say of themselves, by their names.
        part: The range.
        item_ranks: uint32 of shape (n_items,), the code that each item has in order of its id.
    """
    rows = part_of_runs(work, marks, part)
    codes, ids = user_codes(rows["user_id"])
    items = np.ascontiguousarray(item_ranks[rows["item"].to_numpy()])
    has_times = "time" in rows.columns
    times = rows["time"].to_numpy(writable=True) if has_times else np.zeros(len(rows), dtype=np.int64)
    del rows
    order, bounds = grouped_rows(codes, len(ids))
    counts = np.zeros(len(ids), dtype=np.int64)
    keep_earliest(order, bounds, items, times, counts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    items, times = take_kept(order, bounds, items, times, starts)
    with work.new_folder(step) as folder:
        write_array(folder / STARTS, starts)
        write_array(folder / ITEMS, items)
        if has_times:
            write_array(folder / TIMES, times)
        ids.rename("id").to_frame().write_ipc(folder / USERS, compression="uncompressed")
    return {"n_users": len(ids), "n_interactions": len(items)}


def part_files(step: str, *, has_times: bool) -> tuple[str, ...]:
    """Return the names of a part's files."""
    names = (STARTS, ITEMS, USERS, *((TIMES,) if has_times else ()))
    return tuple(f"{step}/{name}" for name in names)


def read_users(folder: Path) -> pl.Series:
    """Return the ids of a part's users, ascending."""
    return pl.read_ipc(folder / USERS)["id"]


def user_codes(ids: pl.Series) -> tuple[AnyArray, pl.Series]:
    """Return each id's position among the distinct ids, int32 of shape (n,), and these, ascending."""
    if ids.dtype.is_integer() and ids.dtype != pl.UInt64 and len(ids):
        values = ids.to_numpy().astype(np.int64, copy=False)
        lowest, highest = int(values.min()), int(values.max())
        if highest - lowest <= _DENSE * len(ids):
            codes, distinct = dense_codes(values, lowest, highest - lowest)
            return codes, pl.Series(distinct).cast(ids.dtype)
    known = ids.unique().sort().rename("id").to_frame().with_row_index("code")
    joined = ids.rename("id").to_frame().join(known, on="id", how="left", maintain_order="left")
    return joined["code"].to_numpy().astype(np.int32), known["id"]
