"""`llminit init`."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from command_line import HashEncoder, Run
from planted import N_ITEMS, N_USERS, World

FILES = {"embeddings.safetensors", "items.npy", "items.parquet", "users.npy", "users.parquet"}


@pytest.fixture
def options(tables: Path) -> list[str | Path]:
    return ["--interactions", tables / "interactions.parquet", "--embeddings", tables / "embeddings.parquet"]


def test_json_and_files(run: Run, options: list[str | Path], tmp_path: Path) -> None:
    """--json prints the counts; the folder holds the same arrays as safetensors, Parquet and numpy, with ids."""
    ran = run("init", *options, "--select", "variance", "--embedding-size", 8, "--out", tmp_path / "o", "--json")
    assert ran.code == 0, ran.stderr
    assert (ran.json["n_users"], ran.json["n_items"], ran.json["embedding_size"]) == (N_USERS, N_ITEMS, 8)
    assert ran.json["n_items_without_text"] == 0
    assert {path.name for path in (tmp_path / "o").iterdir()} == FILES
    tensors = load_file(tmp_path / "o" / "embeddings.safetensors")
    for kind, count in (("user", N_USERS), ("item", N_ITEMS)):
        table = pl.read_parquet(tmp_path / "o" / f"{kind}s.parquet")
        assert table.columns == [f"{kind}_id", "embedding"]
        assert tensors[f"{kind}s"].shape == (count, 8)
        np.testing.assert_array_equal(tensors[f"{kind}s"], np.load(tmp_path / "o" / f"{kind}s.npy"))
        np.testing.assert_array_equal(tensors[f"{kind}s"], table["embedding"].to_numpy())


@pytest.mark.parametrize("name", ["random", "uniform", "variance", "full", "pca", "whiten", "prefix", "projection"])
def test_every_selector(run: Run, options: list[str | Path], tmp_path: Path, name: str) -> None:
    """Every documented selector gives embeddings of the size asked for (`full`: of all columns)."""
    ran = run("init", *options, "--select", name, "--embedding-size", 8, "--out", tmp_path / "o")
    assert ran.code == 0, ran.stderr
    assert f"{32 if name == 'full' else 8} dimensions" in ran.stdout


def test_items_without_text_get_the_mean_row(run: Run, tables: Path, world: World, tmp_path: Path) -> None:
    """An item that the embeddings do not hold is no error: it is counted and gets the mean of the others."""
    world.embeddings.head(N_ITEMS - 2).write_parquet(tmp_path / "e.parquet")
    files = ["--interactions", tables / "interactions.parquet", "--embeddings", tmp_path / "e.parquet"]
    ran = run("init", *files, "--select", "prefix", "--embedding-size", 4, "--out", tmp_path / "o", "--json")
    assert ran.json["n_items_without_text"] == 2
    items = np.load(tmp_path / "o" / "items.npy")
    np.testing.assert_allclose(items[-2:], np.broadcast_to(items[:-2].mean(axis=0), (2, 4)), rtol=1e-5, atol=1e-6)


def test_the_same_seed_gives_the_same_files(run: Run, options: list[str | Path], tmp_path: Path) -> None:
    """Two runs with one seed write the same bytes; another seed changes what is random."""
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        chosen = ["--select", "random", "--embedding-size", 8, "--seed", seed]
        assert run("init", *options, *chosen, "--out", tmp_path / name).code == 0
    a, b, c = ((tmp_path / name / "items.npy").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_an_earlier_result_is_replaced_and_nothing_else(
    run: Run, options: list[str | Path], fitted: Path, tmp_path: Path
) -> None:
    """Initial embeddings replace earlier ones at --out, but never a folder of other things, such as a recommender."""
    assert run("init", *options, "--embedding-size", 8, "--out", tmp_path / "o").code == 0
    assert run("init", *options, "--embedding-size", 4, "--out", tmp_path / "o").code == 0
    assert np.load(tmp_path / "o" / "items.npy").shape == (N_ITEMS, 4)
    before = {path.name for path in fitted.iterdir()}
    ran = run("init", *options, "--embedding-size", 8, "--out", fitted)
    assert ran.code == 2
    assert "cannot replace" in ran.stderr
    assert {path.name for path in fitted.iterdir()} == before


def test_encodes_the_item_table(run: Run, tables: Path, hash_encoder: HashEncoder, tmp_path: Path) -> None:
    """With --items and --encoder, the texts of the template are encoded instead."""
    files = ["--interactions", tables / "interactions.parquet", "--items", tables / "items.parquet"]
    chosen = ["--encoder", "hash", "--text", "{title}", "--select", "prefix", "--embedding-size", 16]
    assert run("init", *files, *chosen, "--out", tmp_path / "o").code == 0
    assert hash_encoder.n_encoded == N_ITEMS
    assert np.load(tmp_path / "o" / "items.npy").shape == (N_ITEMS, 16)
