"""Text embeddings in Parquet that memory may not hold: copied, some rows at a time, to a file that is mapped."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from llminit.arrays import FloatArray
from llminit.errors import EmbeddingError
from llminit.mapped import BLOCK_VALUES, temporary_table
from llminit.text.embeddings import TextEmbeddings

LARGE_BYTES = 4 * 2**30
"""A file of vectors of more bytes is mapped, a smaller one read; a folder of files is always mapped."""


def is_large(path: Path) -> bool:
    """Return whether a path is a Parquet file of so many bytes."""
    return path.suffix.lower() in (".parquet", ".pq") and path.is_file() and path.stat().st_size > LARGE_BYTES


def mapped_parquet(path: Path, id_column: str, embedding_column: str) -> TextEmbeddings:
    """Return the text embeddings of a Parquet file, or of all in a folder in order of their names.

    The values are in a temporary file, which goes with them.

    Raises:
        EmbeddingError: There is no Parquet file, one is damaged, or the vectors are not of one width.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise EmbeddingError(f"the folder {path} holds no .parquet file, expected text embeddings; check the path")
    n_rows, width = sum(_rows(file) for file in files), _width(files[0], embedding_column)
    if not n_rows:
        raise EmbeddingError(f"{path} has no rows, expected one per item; encode the items again")
    values, missing = temporary_table(n_rows, width), np.zeros(n_rows, dtype=np.bool_)
    ids, start = [], 0
    for file in files:
        for block in _blocks(file, id_column, embedding_column, width):
            stop = start + len(block)
            present = block[embedding_column].is_not_null().to_numpy()
            values[start:stop][present] = _matrix(block[embedding_column].drop_nulls(), width, file)
            missing[start:stop] = ~present
            ids.append(block[id_column])
            start = stop
    return TextEmbeddings.from_arrays(pl.concat(ids), values, missing if missing.any() else None, str(path))


def _blocks(file: Path, id_column: str, embedding_column: str, width: int) -> Iterator[pl.DataFrame]:
    at_once = max(1, BLOCK_VALUES // width)
    for start in range(0, _rows(file), at_once):
        try:
            yield pl.scan_parquet(file).select(id_column, embedding_column).slice(start, at_once).collect()
        except (PolarsError, OSError) as error:
            raise _damaged(file, id_column, embedding_column) from error


def _matrix(vectors: pl.Series, width: int, file: Path) -> FloatArray:
    lists = vectors.arr.to_list() if isinstance(vectors.dtype, pl.Array) else vectors
    widths = lists.list.len().to_numpy()
    if len(lists) and not (widths == width).all():
        raise EmbeddingError(
            f"{file} holds vectors of widths from {min(widths)} to {max(widths)}, expected {width} as in the first "
            "row of all; encode all items with the same encoder"
        )
    flat: FloatArray = lists.explode().cast(pl.Float32).to_numpy()
    return flat.reshape(-1, width)


def _rows(file: Path) -> int:
    try:
        return int(pl.scan_parquet(file).select(pl.len()).collect().item())
    except (PolarsError, OSError) as error:
        raise _damaged(file, "item_id", "embedding") from error


def _width(file: Path, embedding_column: str) -> int:
    try:
        first = pl.scan_parquet(file).select(pl.col(embedding_column).drop_nulls().first()).collect().to_series()
        lists = first.arr.to_list() if isinstance(first.dtype, pl.Array) else first
        width = lists.list.len().item()
    except (PolarsError, OSError, AttributeError) as error:
        raise _damaged(file, "item_id", embedding_column) from error
    if not width:
        raise EmbeddingError(f"{file} holds no vector with at least one number; encode the items again")
    return int(width)


def _damaged(file: Path, id_column: str, embedding_column: str) -> EmbeddingError:
    return EmbeddingError(
        f"{file} cannot be read as Parquet with a column {id_column!r} of ids and one {embedding_column!r} of vectors; "
        "if it is damaged, remove it and encode again: what is whole is not encoded twice"
    )
