"""`llminit encode`."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line import HashEncoder, Ran, Run
from planted import N_ITEMS, World


@pytest.fixture
def encode(run: Run, tables: Path, hash_encoder: HashEncoder, tmp_path: Path) -> Run:
    """Run `encode` with the test encoder."""

    def call(*options: Any, items: Path = tables / "items.parquet") -> Ran:
        return run("encode", "--items", items, "--encoder", "hash", "--out", tmp_path / "emb.parquet", *options)

    return call


def test_columns_and_counts(encode: Run, world: World, tmp_path: Path) -> None:
    """The output has the columns item_id and embedding, one row an item, in the item table's order."""
    ran = encode("--json")
    assert ran.code == 0, ran.stderr
    assert {name: ran.json[name] for name in ("n_items", "n_items_without_text", "width")} == {
        "n_items": N_ITEMS,
        "n_items_without_text": 0,
        "width": 16,
    }
    table = pl.read_parquet(tmp_path / "emb.parquet")
    assert table.columns == ["item_id", "embedding"]
    assert table["item_id"].to_list() == world.items["item_id"].to_list()
    assert table.schema["embedding"] == pl.Array(pl.Float32, 16)


def test_the_output_fits(encode: Run, run: Run, tables: Path, tmp_path: Path) -> None:
    """What `encode` writes is what `fit --embeddings` reads."""
    assert encode().code == 0
    files = ["--interactions", tables / "interactions.parquet", "--embeddings", tmp_path / "emb.parquet"]
    assert run("fit", *files, "--embedding-size", 8, "--epochs", 1, "--out", tmp_path / "r").code == 0


def test_a_second_run_encodes_nothing(encode: Run, hash_encoder: HashEncoder, world: World, tmp_path: Path) -> None:
    """The cache is used: a second run encodes nothing, a changed text is one text."""
    assert encode().code == 0
    first = (tmp_path / "emb.parquet").read_bytes()
    assert encode().code == 0
    assert hash_encoder.n_encoded == N_ITEMS
    assert (tmp_path / "emb.parquet").read_bytes() == first
    title = pl.when(pl.col("item_id") == "i03").then(pl.lit("New")).otherwise("title").alias("title")
    changed = world.items.with_columns(title)
    changed.write_csv(tmp_path / "changed.csv")
    assert encode(items=tmp_path / "changed.csv").code == 0
    assert hash_encoder.n_encoded == N_ITEMS + 1


def test_items_without_text(encode: Run, world: World, tmp_path: Path) -> None:
    """Items without text are no error: they are counted, reported and left out of the file."""
    title = pl.when(pl.col("item_id") < "i02").then(None).otherwise("title").alias("title")
    world.items.with_columns(title).write_parquet(tmp_path / "some.parquet")
    ran = encode(items=tmp_path / "some.parquet")
    assert ran.code == 0
    assert "2 of them without text" in ran.stdout
    assert len(pl.read_parquet(tmp_path / "emb.parquet")) == N_ITEMS - 2


def test_template_and_column(encode: Run, hash_encoder: HashEncoder, world: World, tmp_path: Path) -> None:
    """--text makes the item texts, and --item-column names the ids."""
    world.items.rename({"item_id": "asin"}).with_columns(kind=pl.lit("one")).write_parquet(tmp_path / "some.parquet")
    assert encode("--text", "{kind}", "--item-column", "asin", items=tmp_path / "some.parquet").code == 0
    assert hash_encoder.n_encoded == 1


def test_engines(encode: Run, run: Run, tables: Path, hash_encoder: HashEncoder, tmp_path: Path) -> None:
    """--engine and --workers reach what encodes, in `encode`, `init` and `fit`; what cannot be is refused."""
    ran = encode("--engine", "spark")
    assert (ran.code, "choose one of: local, ray" in ran.stderr) == (2, True)
    assert encode("--workers", 0).code == 2
    assert encode("--engine", "local", "--workers", 1).code == 0
    assert hash_encoder.n_encoded == N_ITEMS
    inputs = ["--interactions", tables / "interactions.parquet", "--items", tables / "items.parquet"]
    for command in ("init", "fit"):
        options = [*inputs, "--encoder", "hash", "--embedding-size", 4, "--out", tmp_path / command]
        ran = run(command, *options, "--cache", tmp_path / "empty", "--workers", 2)
        assert (ran.code, "cannot be opened by other processes" in ran.stderr) == (2, True)
