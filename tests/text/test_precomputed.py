"""Text embeddings from files, frames and arrays."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from llminit.errors import EmbeddingError, StorageError
from llminit.text import TextEmbeddings, read_embeddings, write_embeddings

IDS = ["a", "b", "c"]
VALUES = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
FRAME = pl.DataFrame({"item_id": IDS, "embedding": pl.Series(VALUES.tolist(), dtype=pl.List(pl.Float32))})


def check(found: TextEmbeddings, ids: Sequence[Any] = IDS) -> None:
    assert found.ids.to_list() == list(ids)
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, VALUES)
    assert not found.missing.any()


@pytest.mark.parametrize(
    "dtype",
    [
        pl.List(pl.Float64),
        pl.List(pl.Float16),
        pl.List(pl.Int64),
        pl.Array(pl.Float16, 2),
        pl.Array(pl.Float32, 2),
        pl.Array(pl.UInt8, 2),
    ],
)
def test_parquet_of_any_number_type(tmp_path: Path, dtype: pl.DataType) -> None:
    """A Parquet file may hold lists or arrays, of any type of number, beside columns that do not matter."""
    path = tmp_path / "e.parquet"
    FRAME.with_columns(pl.col("embedding").cast(dtype), other=pl.lit("x")).write_parquet(path)
    check(read_embeddings(path))
    check(read_embeddings(str(path)))


def test_null_vectors_are_items_without_text(tmp_path: Path) -> None:
    """A null instead of a vector marks an item without text."""
    for dtype in (pl.List(pl.Float32), pl.Array(pl.Float32, 2)):
        column = pl.Series([[1, 2], None, [5, 6]], dtype=dtype)
        found = read_embeddings(pl.DataFrame({"item_id": IDS, "embedding": column}))
        assert found.missing.tolist() == [False, True, False]
        np.testing.assert_array_equal(found.values, [[1, 2], [0, 0], [5, 6]])


def test_frames_of_three_kinds() -> None:
    """polars, pandas and Arrow frames give the same."""
    check(read_embeddings(FRAME))
    check(read_embeddings(pd.DataFrame({"item_id": IDS, "embedding": list(VALUES)})))
    check(read_embeddings(pa.table({"item_id": IDS, "embedding": VALUES.tolist()})))


def test_other_column_names() -> None:
    """Columns may be called otherwise when they are named."""
    renamed = FRAME.rename({"item_id": "asin", "embedding": "vector"})
    check(read_embeddings(renamed, id_column="asin", embedding_column="vector"))
    with pytest.raises(EmbeddingError, match=r"'item_id'.*'embedding'.*asin, vector"):
        read_embeddings(renamed)


def test_arrays_with_ids() -> None:
    """A pair of ids and an array needs no file, and embeddings pass unchanged."""
    found = read_embeddings((IDS, VALUES.astype(np.float64)))
    check(found)
    check(read_embeddings((np.array([7, 8, 9]), VALUES)), [7, 8, 9])
    assert read_embeddings(found) is found


@pytest.mark.parametrize("name", ["e.ids.txt", "e.ids.json", "e_ids.npy"])
def test_npy_finds_its_ids(tmp_path: Path, name: str) -> None:
    """An npy file takes its ids from the file beside it."""
    np.save(tmp_path / "e.npy", VALUES.astype(np.float16))
    if name.endswith("npy"):
        np.save(tmp_path / name, np.array(IDS))
    else:
        (tmp_path / name).write_text(json.dumps(IDS) if name.endswith("json") else "\n".join(IDS) + "\n")
    check(read_embeddings(tmp_path / "e.npy"))


def test_npy_with_named_ids(tmp_path: Path) -> None:
    """The ids of an npy file can be given as a sequence or as any file, with or without a header."""
    np.save(tmp_path / "e.npy", VALUES)
    (tmp_path / "ids.csv").write_text('item_id\n"a"\nb\nc\n')
    check(read_embeddings(tmp_path / "e.npy", ids=IDS))
    check(read_embeddings(tmp_path / "e.npy", ids=tmp_path / "ids.csv"))


def test_npy_without_ids_says_where_they_are_looked_for(tmp_path: Path) -> None:
    """An npy file alone is an error that names the files it looked for."""
    np.save(tmp_path / "e.npy", VALUES)
    with pytest.raises(EmbeddingError, match=r"e\.ids\.txt, e\.ids\.json, e_ids\.npy"):
        read_embeddings(tmp_path / "e.npy")


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    """An npy file of Python objects is never unpickled."""
    np.save(tmp_path / "e.npy", np.array([["x", object()]], dtype=object), allow_pickle=True)
    with pytest.raises(EmbeddingError, match="array of numbers"):
        read_embeddings(tmp_path / "e.npy", ids=["a"])


def test_atomic_file(tmp_path: Path) -> None:
    """A RecBole atomic file with a float_seq column is read; an empty vector is an item without text."""
    path = tmp_path / "e.item"
    path.write_text('item_id:token\ttitle:token_seq\temb:float_seq\n1\t"Tea\t1.0 2\n2\tx\t3.0  4e0\n3\ty\t\n')
    found = read_embeddings(path)
    assert found.ids.to_list() == ["1", "2", "3"]
    np.testing.assert_array_equal(found.values, [[1, 2], [3, 4], [0, 0]])
    assert found.missing.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item_id:token\temb:float_seq\n1\t1.0 two\n", "not numbers"),
        ("item_id:token\temb:float_seq\n1\t1.0 2\n2\t1.0\n", "widths from 1 to 2"),
        ("item_id:token\ta:float_seq\tb:float_seq\n1\t1\t2\n", "exactly one"),
        ("item_id:token\ta:float\n1\t1\n", "exactly one"),
        ("emb:float_seq\n1\n", "one of ids"),
        ("", "atomic file"),
    ],
)
def test_atomic_files_that_cannot_be_used(tmp_path: Path, content: str, message: str) -> None:
    """A broken atomic file is an error that says what is wrong with it."""
    path = tmp_path / "e.itememb"
    path.write_text(content)
    with pytest.raises(EmbeddingError, match=message):
        read_embeddings(path)


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a", "b"], pl.Series([[1.0, 2.0], [1.0]]), "widths from 1 to 2"),
        (["a", "b"], pl.Series([[1.0, 2.0], [1.0, None]]), "NaN or infinite.*'b'"),
        (["a", "b"], pl.Series([[1.0], [float("inf")]]), "NaN or infinite.*'b'"),
        (["a", "a"], pl.Series([[1.0], [2.0]]), "more than once"),
        (["a"], pl.Series([["x"]]), "lists or arrays of numbers"),
        (["a"], pl.Series([1.0]), "lists or arrays of numbers"),
        (["a"], pl.Series([[]], dtype=pl.List(pl.Float32)), "no vector with at least one"),
        (["a"], pl.Series([None], dtype=pl.List(pl.Float32)), "no vector with at least one"),
        ([], pl.Series([], dtype=pl.List(pl.Float32)), "no rows"),
    ],
)
def test_frames_that_cannot_be_used(ids: list[str], vectors: pl.Series, message: str) -> None:
    """Ragged, non-finite, doubled, empty and non-numeric vectors are each named."""
    with pytest.raises(EmbeddingError, match=message):
        read_embeddings(pl.DataFrame({"item_id": pl.Series(ids, dtype=pl.String), "embedding": vectors}))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, one that is damaged and one of another kind are input errors."""
    (tmp_path / "e.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "e.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "e.docx").write_bytes(b"x")
    for name, message in [("none", "no file"), ("e.parquet", "Parquet"), ("e.docx", "ends in"), ("e.npy", "array")]:
        source = tmp_path / (f"{name}.parquet" if name == "none" else name)
        with pytest.raises(EmbeddingError, match=message):
            read_embeddings(source, ids=["a"])
    with pytest.raises(EmbeddingError, match="found int"):
        read_embeddings(3)  # type: ignore[arg-type]


def test_written_embeddings_read_back(tmp_path: Path) -> None:
    """What is written reads back the same; items without text are left out of the file."""
    path = tmp_path / "out" / "e.parquet"
    values = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    missing = np.array([False, True, False, False])
    write_embeddings(path, TextEmbeddings.from_arrays(pl.Series([4, 3, 2, 1]), values, missing))
    found = read_embeddings(path)
    assert pl.read_parquet_schema(path) == {"item_id": pl.Int64, "embedding": pl.Array(pl.Float32, 5)}
    assert found.ids.to_list() == [4, 2, 1]
    np.testing.assert_array_equal(found.values, values[~missing])
    assert [file.name for file in path.parent.iterdir()] == ["e.parquet"]


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    """A path that cannot be written is a storage error."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        write_embeddings(tmp_path / "file" / "e.parquet", read_embeddings(FRAME))
