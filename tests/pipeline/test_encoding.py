"""`encode_table`: from file to file in batches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from llminit.arrays import FloatArray
from llminit.config import ColumnNames
from llminit.data import batches as data_batches
from llminit.errors import DataError, StorageError
from llminit.pipeline import encoding
from llminit.pipeline.encoding import encode_table
from llminit.text import EncodingCache, encode_items, write_embeddings
from llminit.text.encoder import Identity

N_ITEMS = 500


class LengthEncoder:
    """Makes a vector of a text's bytes."""

    name = "length"

    def identity(self) -> Identity:
        return {"encoder": "length"}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        rows = [np.random.default_rng(list(text.encode())).normal(size=5) for text in texts]
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def items() -> pl.DataFrame:
    """Items of which every seventh has no title, and every third has one that others have too."""
    numbers = range(N_ITEMS)
    titles = [None if number % 7 == 0 else f"title {number % 100 if number % 3 == 0 else number}" for number in numbers]
    return pl.DataFrame({"asin": [f"i{number}" for number in numbers], "title": titles, "price": numbers})


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and write a few rows at a time, so that a small table has many batches."""
    monkeypatch.setattr(data_batches, "BATCH_ROWS", 33)
    monkeypatch.setattr(encoding, "OUT_ROWS", 41)


@pytest.mark.parametrize("ending", ["parquet", "csv", "frame"])
def test_it_is_what_encode_items_gives(items: pl.DataFrame, tmp_path: Path, ending: str) -> None:
    """In batches or as a whole, from any format, the same ids in the same order have the same vectors."""
    columns = ColumnNames(item_id="asin")
    path = tmp_path / f"items.{ending}"
    if ending == "parquet":
        items.write_parquet(path, row_group_size=50)
    elif ending == "csv":
        items.write_csv(path)
    source = items if ending == "frame" else path
    done = encode_table(
        source, tmp_path / "out.parquet", cache=tmp_path / "c", encoder=LengthEncoder(), columns=columns, shard_size=64
    )
    assert (done.n_items, done.n_missing, done.width) == (N_ITEMS, items["title"].null_count(), 5)
    whole = encode_items(items.rename({"asin": "item_id"}), None, LengthEncoder(), EncodingCache(tmp_path / "d"))
    write_embeddings(tmp_path / "whole.parquet", whole)
    found, expected = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("out", "whole"))
    assert found.equals(expected)
    assert found.schema == expected.schema


def test_tables_that_cannot_be_encoded(items: pl.DataFrame, tmp_path: Path) -> None:
    """Ids that are missing or there twice, damaged files and tables without text are refused; nothing is written."""
    broken = {
        "more than one row": pl.concat([items, items.head(1)]).rename({"asin": "item_id"}),
        "missing ids": items.select(pl.lit(None, pl.String).alias("item_id"), "title"),
        "none of the 500 items has text": items.select(pl.col("asin").alias("item_id"), pl.lit(" ").alias("title")),
        "no column 'item_id'": items,
        "no rows": items.clear(),
    }
    for message, table in broken.items():
        table.write_parquet(tmp_path / "items.parquet")
        with pytest.raises(DataError, match=message):
            encode_table(
                tmp_path / "items.parquet", tmp_path / "o.parquet", cache=tmp_path / "c", encoder=LengthEncoder()
            )
    (tmp_path / "items.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot read"):
        encode_table(tmp_path / "items.parquet", tmp_path / "o.parquet", cache=tmp_path / "c", encoder=LengthEncoder())
    assert not (tmp_path / "o.parquet").exists()


def test_no_room_for_the_output(items: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that is written at the end counts too when space is looked for at the beginning."""
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=64 * 2**20 + 600 * 40))
    monkeypatch.setattr(LengthEncoder, "width", 5, raising=False)
    table = items.rename({"asin": "item_id"})
    encode_items(table, None, LengthEncoder(), EncodingCache(tmp_path / "enough"))
    with pytest.raises(StorageError, match="GB are free"):
        encode_table(table, tmp_path / "o.parquet", cache=tmp_path / "cache", encoder=LengthEncoder())
    assert list((tmp_path / "cache").rglob("part-*")) == []
