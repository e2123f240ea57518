"""`llminit fit`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from command_line import HashEncoder, Run
from llminit import Recommender
from llminit.arrays import AnyArray
from planted import N_ITEMS, N_USERS, SEEN_EACH, World

JSON_KEYS = {
    "n_users",
    "n_items",
    "n_interactions",
    "metrics",
    "best_epoch",
    "seconds",
    "baselines",
    "verdict",
    "refit",
}


def embeddings_of(folder: Path) -> dict[str, AnyArray]:
    arrays: dict[str, AnyArray] = load_file(folder / "model.safetensors")
    return arrays


def assert_same_embeddings(one: Path, other: Path) -> None:
    first, second = embeddings_of(one), embeddings_of(other)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_json_contract(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """--json prints one object with the promised keys, both protocols and recall@10; stdout holds nothing else."""
    ran = run("fit", *fit_options, "--out", tmp_path / "r", "--json")
    assert ran.code == 0
    assert ran.json.keys() >= JSON_KEYS
    assert ran.stdout.count("\n") == 1
    counts = (ran.json["n_users"], ran.json["n_items"], ran.json["n_interactions"])
    assert counts == (N_USERS, N_ITEMS, N_USERS * SEEN_EACH)
    assert set(ran.json["metrics"]) == {"standard", "paper"}
    for values in ran.json["metrics"].values():
        assert 0 < values["ndcg@10"] <= values["recall@10"] <= 1
    assert ran.json["metrics"]["standard"]["recall@10"] > ran.json["metrics"]["paper"]["recall@10"]
    assert 1 <= ran.json["best_epoch"] <= 3


def test_people_see_both_protocols(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """Without --json, stdout shows the counts, both protocols and where the result is."""
    ran = run("fit", *fit_options, "--out", tmp_path / "r")
    assert ran.code == 0
    for expected in (
        f"{N_USERS} users",
        f"{N_ITEMS} items",
        "standard",
        "paper",
        "recall@10",
        "popularity",
        "ease",
        "simple",
        str(tmp_path / "r"),
    ):
        assert expected in ran.stdout


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": pl.DataFrame.write_csv,
    "tsv": lambda table, path: table.write_csv(path, separator="\t"),
    "jsonl": pl.DataFrame.write_ndjson,
    "inter": lambda table, path: atomic(table).write_csv(path, separator="\t", quote_style="never"),
}


def atomic(table: pl.DataFrame) -> pl.DataFrame:
    kinds = {"rating": "float", "timestamp": "float", "title": "token_seq"}
    return table.rename({name: f"{name}:{kinds.get(name, 'token')}" for name in table.columns})


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_gives_the_same(
    run: Run, fit_options: list[str], fitted: Path, world: World, tmp_path: Path, ending: str
) -> None:
    """CSV, TSV, JSON Lines and RecBole atomic files give the very recommender that Parquet gives."""
    interactions, items = tmp_path / f"a.{ending}", tmp_path / f"b.{ending.replace('inter', 'item')}"
    WRITERS[ending](world.interactions, interactions)
    WRITERS[ending](world.items, items)
    out = tmp_path / "r"
    ran = run("fit", *fit_options, "--interactions", interactions, "--items", items, "--out", out)
    assert ran.code == 0, ran.stderr
    titles = Recommender.load(out).titles
    assert titles is not None
    assert titles.to_list() == world.items["title"].to_list()
    assert Recommender.load(out).users.ids.to_list() == list(range(N_USERS))
    assert_same_embeddings(out, fitted)


def test_columns_of_other_names(run: Run, fit_options: list[str], fitted: Path, world: World, tmp_path: Path) -> None:
    """Columns with other names are mapped by options, in both tables."""
    names = {"user_id": "who", "item_id": "what", "rating": "stars", "timestamp": "when"}
    world.interactions.rename(names).write_parquet(tmp_path / "a.parquet")
    world.items.rename({"item_id": "what"}).write_parquet(tmp_path / "b.parquet")
    mapping = [
        "--user-column",
        "who",
        "--item-column",
        "what",
        "--rating-column",
        "stars",
        "--timestamp-column",
        "when",
    ]
    files = ["--interactions", tmp_path / "a.parquet", "--items", tmp_path / "b.parquet"]
    assert run("fit", *fit_options, *files, *mapping, "--out", tmp_path / "r").code == 0
    assert_same_embeddings(tmp_path / "r", fitted)


def test_filters(run: Run, fit_options: list[str], world: World, tmp_path: Path) -> None:
    """--min-rating and --k-core change the counts that are reported; what is left is a k-core of high ratings."""
    ran = run(
        "fit", *fit_options, "--min-rating", 5, "--k-core", 2, "--split", "ratio", "--out", tmp_path / "r", "--json"
    )
    kept = world.interactions.filter(pl.col("rating") >= 5)
    while True:
        smaller = kept.filter(pl.len().over("user_id") >= 2, pl.len().over("item_id") >= 2)
        if len(smaller) == len(kept):
            break
        kept = smaller
    counts = kept["user_id"].n_unique(), kept["item_id"].n_unique(), len(kept)
    assert (ran.json["n_users"], ran.json["n_items"], ran.json["n_interactions"]) == counts
    assert counts < (N_USERS, N_ITEMS, N_USERS * SEEN_EACH)


@pytest.mark.parametrize("split", ["random-loo", "temporal-loo", "ratio", "global-time"])
@pytest.mark.parametrize("backbone", ["mf", "lightgcn", "sgl", "sgcl"])
def test_splits_and_backbones(run: Run, fit_options: list[str], tmp_path: Path, split: str, backbone: str) -> None:
    """Every backbone is fitted under every split, and reported under both protocols."""
    options = ["--split", split, "--backbone", backbone, "--epochs", 1, "--valid-share", 0.2, "--test-share", 0.3]
    ran = run("fit", *fit_options, *options, "--out", tmp_path / "r", "--json")
    assert ran.code == 0, ran.stderr
    assert set(ran.json["metrics"]) == {"standard", "paper"}
    assert ran.json["config"]["split"] == split
    assert ran.json["config"]["backbone"] == backbone


@pytest.mark.parametrize("init", ["xavier", "svd"])
def test_some_starts_need_interactions_only(run: Run, tables: Path, tmp_path: Path, init: str) -> None:
    """--init xavier and --init svd work without texts; no titles are then shown."""
    options = ["--init", init, "--embedding-size", 8, "--epochs", 1]
    ran = run("fit", "--interactions", tables / "interactions.parquet", *options, "--out", tmp_path / "r")
    assert ran.code == 0, ran.stderr
    assert Recommender.load(tmp_path / "r").titles is None


def test_options_of_parts(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """--backbone-option and --init-option reach the backbone and the selector, with their types."""
    parts = [
        "--backbone",
        "lightgcn",
        "--backbone-option",
        "n_layers=1",
        "--init",
        "variance",
        "--init-option",
        "share=0.5",
    ]
    ran = run("fit", *fit_options, *parts, "--out", tmp_path / "r", "--json")
    assert ran.json["config"]["backbone_options"] == {"n_layers": 1}
    assert ran.json["config"]["init_options"] == {"share": 0.5}


def test_another_loss(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """The loss is an option of the preset's backbone; what the preset sets for other losses is left out."""
    ran = run("fit", *fit_options, "--backbone-option", "loss=directau", "--out", tmp_path / "r", "--json")
    assert ran.code == 0, ran.stderr
    assert ran.json["config"]["backbone_options"] == {"loss": "directau"}
    assert "hop_weights" in ran.json["options"]


def test_the_same_command_again(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """A finished command, run again, fits nothing and prints the same result."""
    first = run("fit", *fit_options, "--out", tmp_path / "r", "--json")
    again = run("fit", *fit_options, "--out", tmp_path / "r", "--json")
    assert again.json == first.json
    assert "already fitted" in again.stderr


def test_another_result_is_replaced_only_on_request(
    run: Run, fit_options: list[str], fitted: Path, tmp_path: Path
) -> None:
    """Other options at the same --out are refused; --overwrite replaces the recommender, and leaves nothing else."""
    assert run("fit", *fit_options, "--seed", 1, "--out", tmp_path / "r").code == 0
    before = embeddings_of(tmp_path / "r")["items"]
    refused = run("fit", *fit_options, "--out", tmp_path / "r")
    assert refused.code == 2
    assert "other options" in refused.stderr
    np.testing.assert_array_equal(embeddings_of(tmp_path / "r")["items"], before)
    assert run("fit", *fit_options, "--out", tmp_path / "r", "--overwrite").code == 0
    assert_same_embeddings(tmp_path / "r", fitted)
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_as_a_process(run_process: Run, fit_options: list[str], fitted: Path, tmp_path: Path) -> None:
    """`python -m llminit fit` does the same as the call in this process, and keeps stdout for the result."""
    ran = run_process("fit", *fit_options, "--out", tmp_path / "r", "--json", LLMINIT_CACHE=str(tmp_path / "cache"))
    assert ran.code == 0, ran.stderr
    assert ran.json["n_users"] == N_USERS
    assert_same_embeddings(tmp_path / "r", fitted)


def test_texts_are_encoded_once(
    run: Run, tables: Path, hash_encoder: HashEncoder, world: World, tmp_path: Path
) -> None:
    """Fit encodes every item text through the cache; a second fit with other options encodes none."""
    files = ["--interactions", tables / "interactions.parquet", "--items", tables / "items.parquet"]
    options = [*files, "--encoder", "hash", "--embedding-size", 8, "--epochs", 1]
    assert run("fit", *options, "--out", tmp_path / "a").code == 0
    assert hash_encoder.n_encoded == len(world.items)
    assert run("fit", *options, "--backbone", "mf", "--out", tmp_path / "b").code == 0
    assert hash_encoder.n_encoded == len(world.items)
