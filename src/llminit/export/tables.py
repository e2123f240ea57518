"""Writing what several targets have: ids and embeddings as Parquet, and arrays as safetensors."""

from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import save_file

from llminit.arrays import AnyArray, FloatArray
from llminit.export.content import EMBEDDING, Content

USERS, ITEMS = "users.parquet", "items.parquet"


def write_users(content: Content, folder: Path) -> None:
    """Write `users.parquet`: `user_id` and `embedding`, in row order."""
    content.user_table().write_parquet(folder / USERS)


def write_items(content: Content, folder: Path) -> None:
    """Write `items.parquet`: `item_id` and the item table's columns, in row order, without embeddings."""
    content.item_table().drop(EMBEDDING).write_parquet(folder / ITEMS)


def write_ids(content: Content, folder: Path) -> None:
    """Write `users.parquet` and `items.parquet`: the ids alone, in row order."""
    content.user_ids.to_frame().write_parquet(folder / USERS)
    content.item_ids.to_frame().write_parquet(folder / ITEMS)


def write_tensors(path: Path, **tensors: AnyArray) -> None:
    """Write tensors by their names; a dot in a name is written as two underscores."""
    # safetensors writes the memory as it lies: an array in another order would come back scrambled.
    in_order = {name.replace("__", "."): np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(in_order, path)


def as_text(ids: pl.Series) -> pl.Series:
    """Return ids as text; dates in ISO 8601."""
    return ids.dt.to_string("iso") if ids.dtype.is_temporal() else ids.cast(pl.String)


def json_rows(table: pl.DataFrame) -> pl.Series:
    """Return each row as a JSON object: dates are texts, and numbers that JSON has not are null."""
    return table.to_struct("row").struct.json_encode()


def joined(rows: FloatArray, separator: str) -> pl.Series:
    """Return each row's numbers as one text, with all the digits that float32 needs."""
    return pl.Series(rows).arr.to_list().cast(pl.List(pl.String)).list.join(separator)
