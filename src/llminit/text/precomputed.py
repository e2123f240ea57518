"""Precomputed text embeddings: Parquet, npy with ids, RecBole atomic files, frames and arrays."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from narwhals.typing import IntoDataFrame
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from llminit.arrays import AnyArray, BoolArray, FloatArray
from llminit.errors import DataError, EmbeddingError
from llminit.frames import described, from_frame
from llminit.storage import replacing_file
from llminit.text.embeddings import TextEmbeddings
from llminit.text.ids_file import ids_beside, read_ids
from llminit.text.mapped_parquet import is_large, mapped_parquet

ID_COLUMN = "item_id"
EMBEDDING_COLUMN = "embedding"
ROW_GROUP = 8192
PARQUET_ENDINGS = (".parquet", ".pq")
ATOMIC_ENDINGS = (".item", ".itememb", ".itemfeat", ".ent", ".emb")

Source = str | Path | TextEmbeddings | tuple[Any, Any] | IntoDataFrame
Ids = str | Path | pl.Series | Sequence[Any] | AnyArray


def read_embeddings(
    source: Source,
    ids: Ids | None = None,
    id_column: str = ID_COLUMN,
    embedding_column: str = EMBEDDING_COLUMN,
) -> TextEmbeddings:
    """Read precomputed text embeddings.

    Args:
        source: A Parquet file, or a folder of them, with a column of ids and one of lists or arrays of numbers; a
            `.npy` file of shape (n_items, D), which stays on the disk if it holds float32; a RecBole atomic file with
            one `float_seq` column; a pandas, polars or Arrow frame like the Parquet file; or a pair (ids, array).
        ids: For a `.npy` file, the ids of its rows: a sequence, or a file of them (`.npy`, a JSON list, or text with
            one a line). None looks for `NAME.ids.txt`, `NAME.ids.json` or `NAME_ids.npy` beside `NAME.npy`.
        id_column: Name of the column of ids.
        embedding_column: Name of the column of vectors.

    Returns:
        Text embeddings in the order of the source. A null vector means an item without text.

    Raises:
        EmbeddingError: A file or column does not exist, the vectors are not numbers, not finite or of different widths,
            or an id appears twice.
    """
    if isinstance(source, TextEmbeddings):
        return source
    if isinstance(source, tuple):
        return _from_pair(source)
    if not isinstance(source, str | Path):
        return _from_frame(_to_polars(source), id_column, embedding_column, "the frame of text embeddings")
    path = Path(source)
    if path.is_dir() or is_large(path):
        return mapped_parquet(path, id_column, embedding_column)
    if not path.is_file():
        raise EmbeddingError(f"found no file at {path}, expected text embeddings; check the path")
    ending = path.suffix.lower()
    if ending in PARQUET_ENDINGS:
        return _from_frame(_read_parquet(path, id_column, embedding_column), id_column, embedding_column, str(path))
    if ending == ".npy":
        return _from_npy(path, ids)
    if ending in ATOMIC_ENDINGS:
        return _from_atomic(path, id_column)
    raise EmbeddingError(f"{path} ends in {ending!r}, expected .parquet, .npy or a RecBole atomic file (.item)")


def write_embeddings(path: str | Path, embeddings: TextEmbeddings) -> None:
    """Write text embeddings as Parquet, atomically.

    The columns are `item_id` and `embedding` (an array of D float32). Items without text are left out, so that no
    reader takes their zeros for an embedding; `TextEmbeddings.aligned_to` marks them as missing again.

    Raises:
        StorageError: The file cannot be written.
    """
    kept = ~embeddings.missing
    whole = (embeddings.ids.filter(pl.Series(kept)), embeddings.values[kept])
    write_batches(Path(path), iter([whole]), embeddings.ids.dtype, embeddings.width)


def write_batches(
    path: Path, batches: Iterator[tuple[pl.Series, FloatArray]], id_type: pl.DataType, width: int
) -> None:
    """Write ids and their vectors as Parquet, atomically, while they come; see `write_embeddings`.

    Raises:
        StorageError: The file cannot be written.
    """
    schema = pl.Schema({ID_COLUMN: id_type, EMBEDDING_COLUMN: pl.Array(pl.Float32, width)})

    def frames(*_: Any) -> Iterator[pl.DataFrame]:
        for ids, values in batches:
            vectors = pl.Series(values, dtype=schema[EMBEDDING_COLUMN])
            yield pl.DataFrame({ID_COLUMN: ids, EMBEDDING_COLUMN: vectors}, schema=schema)

    with replacing_file(path) as temporary:
        register_io_source(frames, schema=schema).sink_parquet(temporary, row_group_size=ROW_GROUP)


def _from_pair(pair: tuple[Any, Any]) -> TextEmbeddings:
    if len(pair) != 2:
        raise EmbeddingError(f"found a tuple of length {len(pair)}, expected a pair (ids, array)")
    ids, values = pair
    source = "the array of text embeddings"
    return TextEmbeddings.from_arrays(read_ids(ids), _as_array(values, source), source=source)


def _as_array(values: Any, source: str) -> AnyArray:
    try:
        array: AnyArray = np.asarray(values)
    except (ValueError, TypeError, PolarsError) as error:
        raise EmbeddingError(
            f"{source}: found {type(values).__name__} that is no array of numbers, such as one whose rows have "
            "different lengths; expected shape (n_items, width)"
        ) from error
    return array


def _to_polars(frame: IntoDataFrame) -> pl.DataFrame:
    try:
        return from_frame(frame)
    except DataError as error:
        raise EmbeddingError(f"the text embeddings cannot be read: {error}; or give a pair (ids, array)") from error


def _read_parquet(path: Path, *columns: str) -> pl.DataFrame:
    try:
        names = list(pl.read_parquet_schema(path))
        return pl.read_parquet(path, columns=[name for name in columns if name in names] or None)
    except (PolarsError, OSError) as error:
        raise EmbeddingError(
            f"{path} cannot be read as Parquet; expected a whole Parquet file with a column of ids and one of vectors: "
            "write it again"
        ) from error


def _from_npy(path: Path, ids: Ids | None) -> TextEmbeddings:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise EmbeddingError(
            f"{path} cannot be read as an array of numbers; expected a whole .npy file: write it again"
        ) from error
    item_ids = read_ids(ids if ids is not None else ids_beside(path))
    return TextEmbeddings.from_arrays(item_ids, values, source=str(path))


def _from_atomic(path: Path, id_column: str) -> TextEmbeddings:
    try:
        table = pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False)
    except (PolarsError, OSError) as error:
        raise EmbeddingError(
            f"{path} cannot be read as a RecBole atomic file; expected tab-separated text in UTF-8 whose header has "
            "name:type: check what wrote it"
        ) from error
    types = {name: name.rpartition(":")[2] for name in table.columns}
    vectors = [name for name, kind in types.items() if kind == "float_seq"]
    tokens = [name for name, kind in types.items() if kind == "token"]
    named = [name for name in tokens if name.rpartition(":")[0] == id_column] or tokens
    if len(vectors) != 1 or not named:
        raise EmbeddingError(
            f"{path} has the columns {', '.join(table.columns)}, expected one of ids ({id_column}:token) and exactly "
            "one of vectors (NAME:float_seq)"
        )
    texts = table[vectors[0]].str.strip_chars()
    numbers = texts.replace("", None).str.replace_all(r"\s+", " ").str.split(" ")
    frame = pl.DataFrame({ID_COLUMN: table[named[0]], EMBEDDING_COLUMN: _parse_numbers(numbers, str(path))})
    return _from_frame(frame, ID_COLUMN, EMBEDDING_COLUMN, str(path))


def _parse_numbers(texts: pl.Series, source: str) -> pl.Series:
    try:
        return texts.cast(pl.List(pl.Float32))
    except PolarsError as error:
        raise EmbeddingError(
            f"{source} holds vectors with entries that are not numbers; expected numbers separated by spaces: correct "
            "them"
        ) from error


def _from_frame(frame: pl.DataFrame, id_column: str, embedding_column: str, source: str) -> TextEmbeddings:
    absent = [name for name in (id_column, embedding_column) if name not in frame.columns]
    if absent:
        raise EmbeddingError(
            f"{source} has no column {' and no column '.join(map(repr, absent))}; it has: "
            f"{', '.join(frame.columns)}; rename the columns, or give their names"
        )
    if not len(frame):
        raise EmbeddingError(f"{source} has no rows, expected one per item; encode the items again")
    values, missing = _matrix(frame[embedding_column], source)
    return TextEmbeddings.from_arrays(frame[id_column], values, missing, source)


def _matrix(vectors: pl.Series, source: str) -> tuple[FloatArray, BoolArray]:
    """Return a column of vectors as float32 of shape (n, D) and which of them are null, without making Python lists."""
    dtype = vectors.dtype
    if not isinstance(dtype, pl.List | pl.Array) or not _is_number(dtype.inner):
        raise EmbeddingError(
            f"{source} holds vectors of type {described(vectors)}, expected lists or arrays of numbers"
        )
    missing = vectors.is_null().to_numpy().astype(np.bool_)
    present = vectors.drop_nulls()
    if isinstance(present.dtype, pl.Array):
        present = present.arr.to_list()
    widths = present.list.len().to_numpy()
    if len(np.unique(widths)) > 1:
        raise EmbeddingError(
            f"{source} holds vectors of widths from {widths.min()} to {widths.max()}, expected one width; encode all "
            "items with the same encoder"
        )
    width = int(widths[0]) if len(widths) else 0
    if not width:
        raise EmbeddingError(f"{source} holds no vector with at least one number; encode the items again")
    # A null inside a vector becomes NaN, which the checks report.
    flat = present.explode().cast(pl.Float32).to_numpy()
    if not missing.any():
        return flat.reshape(-1, width), missing
    values = np.zeros((len(vectors), width), dtype=np.float32)
    values[~missing] = flat.reshape(-1, width)
    return values, missing


def _is_number(dtype: Any) -> bool:
    return bool(dtype.is_numeric())
