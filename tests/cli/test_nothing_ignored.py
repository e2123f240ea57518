"""What is given on the command line plays a part, or is spoken of."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from command_line import Run
from planted import World


@pytest.mark.parametrize("option", ["ks", "inits", "baselines", "embedding-sizes", "train-share", "max-history"])
def test_empty_lists(run: Run, fit_options: list[str], tmp_path: Path, option: str) -> None:
    """An empty list is refused: it would leave a part of the comparison out."""
    ran = run("compare", *fit_options[:6], "--out", tmp_path / "c", f"--{option}", "")
    assert ran.code == 2
    assert f"--{option} '' is empty" in ran.stderr
    assert not (tmp_path / "c").exists()


def test_an_option_twice(run: Run, fitted: Path) -> None:
    """Of an option that is there twice, the last counts, and that is said; --user may be there several times."""
    ran = run("recommend", fitted, "--user", 12, "--user", 7, "--k", 9, "--k", 2, "--json")
    assert [row["user_id"] for row in ran.json["recommendations"]] == [12, 12, 7, 7]
    assert "--k is there 2 times: the last, 2, counts" in ran.stderr


def test_one_embedding_size_of_a_grid(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """`compare` takes --embedding-size too; `fit` points from --embedding-sizes to its own spelling."""
    ran = run("compare", *fit_options[:6], "--embedding-size", 4096, "--inits", "whiten", "--out", tmp_path / "c")
    assert ran.code == 2
    assert "4096 exceeds" in ran.stderr
    ran = run("fit", *fit_options[:6], "--embedding-sizes", 4, "--out", tmp_path / "f")
    assert ran.code == 2
    assert "--embedding-size" in ran.stderr.replace("--embedding-sizes", "")


def test_counts_as_ratings(run: Run, fit_options: list[str], world: World, tmp_path: Path) -> None:
    """A minimum rating of play counts is noted, with what it keeps."""
    counts = world.interactions.with_columns(rating=pl.int_range(pl.len()) % 400 + 1)
    counts.write_parquet(tmp_path / "plays.parquet")
    options = ["--interactions", tmp_path / "plays.parquet", *fit_options[4:8], "--min-rating", 4]
    ran = run("init", *options, "--out", tmp_path / "o")
    assert ran.code == 0, ran.stderr
    assert "the ratings go from 1 to 400, as counts do" in ran.stderr
    assert f"--min-rating 4 keeps {(counts['rating'] >= 4).sum()} of 480 interactions" in ran.stderr


def test_items_without_embeddings(run: Run, fit_options: list[str], world: World, tmp_path: Path) -> None:
    """Items without a text embedding are counted, and what they get is said; so is what plays no part."""
    world.embeddings.head(30).write_parquet(tmp_path / "some.parquet")
    options = [*fit_options[:2], "--embeddings", tmp_path / "some.parquet", "--encoder", "minilm", "--text", "{title}"]
    for command in ("init", "fit"):
        ran = run(command, *options, "--embedding-size", 4, "--out", tmp_path / command)
        assert ran.code == 0, ran.stderr
        assert "10 of 40 items have no text embedding and start from the mean" in ran.stderr
        assert "encoder and text play no part" in ran.stderr


def test_all_users_are_unknown(run: Run, fitted: Path, tmp_path: Path) -> None:
    """With --skip-unknown, a file in which nobody is known is refused with both kinds of ids; nothing is written."""
    pl.DataFrame({"user_id": ["u-1", "u-2"]}).write_parquet(tmp_path / "users.parquet")
    out = tmp_path / "o.csv"
    ran = run("recommend", fitted, "--users", tmp_path / "users.parquet", "--skip-unknown", "--out", out)
    assert ran.code == 2
    assert "such as 'u-1', 'u-2' (String); the user ids of the model are such as 0, 1, 2 (Int64)" in ran.stderr
    assert not out.exists()


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["12", "7"])])
def test_categories_of_numbers(run: Run, fitted: Path, tmp_path: Path, dtype: pl.DataType) -> None:
    """Users that a file holds as categories are found among whole numbers."""
    pl.DataFrame({"user_id": pl.Series(["12", "7"], dtype=dtype)}).write_parquet(tmp_path / "users.parquet")
    ran = run("recommend", fitted, "--users", tmp_path / "users.parquet", "--k", 1, "--json")
    assert [row["user_id"] for row in ran.json["recommendations"]] == [12, 7]


def test_a_filtered_user(run: Run, fit_options: list[str], world: World, tmp_path: Path) -> None:
    """The message about an unknown user names the filters that may have removed them."""
    rare = pl.DataFrame({"user_id": [500], "item_id": ["i00"], "rating": [5.0], "timestamp": [1]})
    pl.concat([world.interactions, rare]).write_parquet(tmp_path / "i.parquet")
    options = ["--interactions", tmp_path / "i.parquet", *fit_options[2:], "--k-core", 2, "--min-rating", 4]
    assert run("fit", *options, "--out", tmp_path / "r").code == 0
    ran = run("recommend", tmp_path / "r", "--user", 500)
    assert ran.code == 2
    assert "fitted to what rating >= 4 and the 2-core left of its data" in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_pipes_without_all_letters(fitted: Path, encoding: str) -> None:
    """A pipe whose encoding lacks letters gets escapes instead of an error; JSON stays JSON."""

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "llminit", "recommend", str(fitted), *options]
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        return subprocess.run(command, capture_output=True, encoding=encoding, env=environment, check=False)

    ran = run("--user", "12", "--json")
    assert ran.returncode == 0, ran.stderr
    assert "„日本“" in json.loads(ran.stdout)["recommendations"][0]["title"]
    ran = run("--user", "12")
    assert (ran.returncode, "Cluster" in ran.stdout) == (0, True), ran.stderr
    ran = run("--user", "日")
    assert (ran.returncode, ran.stderr.startswith("error: unknown user id")) == (2, True)


def test_numbers_beyond_all_bounds(run: Run, fit_options: list[str], tmp_path: Path) -> None:
    """Seeds, sizes and counts that no library can take are refused by name."""
    for option in ("seed", "embedding-size", "train-batch-size", "k-core"):
        ran = run("fit", *fit_options[:6], f"--{option}", 2**70, "--out", tmp_path / "r")
        assert ran.code == 2
        assert f"--{option} {2**70}" in ran.stderr


def test_titles_of_any_type(run: Run, fit_options: list[str], world: World, tmp_path: Path) -> None:
    """Titles that are lists are joined; those that are structs or bytes are not shown, and nothing fails at the end."""
    columns: tuple[Any, ...] = ([["a", "b"]] * 40, np.full((40, 2), 3), [{"a": 1}] * 40, [b"x"] * 40)
    for number, titles in enumerate(columns):
        world.items.with_columns(title=pl.Series(titles)).write_parquet(tmp_path / "items.parquet")
        options = [*fit_options[:2], "--items", tmp_path / "items.parquet", *fit_options[4:]]
        ran = run("fit", *options, "--out", tmp_path / str(number))
        assert ran.code == 0, ran.stderr
        shown = run("recommend", tmp_path / str(number), "--user", 12, "--k", 1, "--json").json["recommendations"][0]
        assert shown.get("title") == ("a | b", "3 | 3", None, None)[number]
