"""A mixture that is distilled, through the commands."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from command_line import Run
from llminit.arrays import FloatArray
from planted import N_ITEMS, N_USERS, World
from served import start

WIDTH = 12
OPTIONS = ["--backbone", "mixture", "--backbone-option", f"distill={WIDTH}", "--no-refit"]


@pytest.fixture(scope="module")
def distilled(run_process: Run, fit_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender, fitted by a process; do not write to it."""
    folder = tmp_path_factory.mktemp("distilled") / "model"
    ran = run_process("fit", *fit_options, *OPTIONS, "--out", folder, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.json["distilled"]["width"] == WIDTH
    assert "distilled into two tables of 12 columns" in ran.stderr
    return folder


def test_lists_come_from_two_tables(run: Run, distilled: Path, tmp_path: Path) -> None:
    """What `export` refuses of a mixture it writes of this: two tables, whose products order the lists."""
    assert run("export", distilled, "--to", "npy", "--out", tmp_path / "npy").code == 0
    users, items = tables_in(tmp_path / "npy")
    assert (users.shape, items.shape) == ((N_USERS, WIDTH), (N_ITEMS, WIDTH))
    found = run("recommend", distilled, "--user", 3, "--k", 5, "--json").json["recommendations"]
    scores = np.array([row["score"] for row in found])
    assert (np.diff(scores) <= 0).all()
    nearest = np.abs(scores[:, np.newaxis] - (users @ items.T).reshape(-1)).min(axis=1)
    assert nearest == pytest.approx(0, abs=1e-5)


def tables_in(folder: Path) -> tuple[FloatArray, FloatArray]:
    """The users' and the items' table of an export."""
    return np.load(folder / "users.npy"), np.load(folder / "items.npy")


def test_new_items_and_new_users_are_folded_in(run: Run, distilled: Path, world: World, tmp_path: Path) -> None:
    """An item with a known item's text is like that item's cluster; a history gets items of its own."""
    pl.DataFrame({"item_id": ["new0"], "title": ["New"]}).write_csv(tmp_path / "new.csv")
    vector = world.embeddings.head(1).with_columns(item_id=pl.lit("new0"))
    vector.write_parquet(tmp_path / "new.parquet")
    added = ["--items", tmp_path / "new.csv", "--embeddings", tmp_path / "new.parquet", "--out", tmp_path / "grown"]
    ran = run("add-items", distilled, *added)
    assert ran.code == 0, ran.stderr
    similar = run("similar", tmp_path / "grown", "--item", "new0", "--k", 3, "--json").json["similar"]
    assert cluster_of(similar) == [0, 0, 0]
    found = run("recommend", distilled, "--history", "i00,i04,i08", "--k", 4, "--json").json["recommendations"]
    assert cluster_of(found).count(0) >= 3


def cluster_of(rows: list[dict[str, Any]]) -> list[int]:
    """The clusters of items of the planted data, of which there are four."""
    return [int(row["item_id"][1:]) % 4 for row in rows]


def test_it_is_served(run: Run, distilled: Path, tmp_path: Path) -> None:
    """A user's list over HTTP is that of the command line, and a history has one."""
    server = start(distilled, tmp_path / "log")
    try:
        wanted = run("recommend", distilled, "--user", 3, "--k", 4, "--json").json["recommendations"]
        assert server.recommend(user_id=3, k=4).items == [row["item_id"] for row in wanted]
        assert len(server.recommend(history=["i00", "i04"], k=4).items) == 4
    finally:
        server.end()


def test_it_is_learned_on(run: Run, distilled: Path, tmp_path: Path) -> None:
    """`refresh` learns the mixture on and distils it again, to the same width; the new user has a list."""
    pl.DataFrame({"user_id": [900, 900], "item_id": ["i00", "i04"]}).write_csv(tmp_path / "new.csv")
    ran = run("refresh", distilled, "--interactions", tmp_path / "new.csv", "--out", tmp_path / "next", "--json")
    assert ran.code == 0, ran.stderr
    assert run("export", tmp_path / "next", "--to", "npy", "--out", tmp_path / "npy").code == 0
    users, items = tables_in(tmp_path / "npy")
    assert (users.shape, items.shape) == ((N_USERS + 1, WIDTH), (N_ITEMS, WIDTH))
    found = run("recommend", tmp_path / "next", "--user", 900, "--k", 4, "--json").json["recommendations"]
    assert cluster_of(found).count(0) >= 3


@pytest.mark.parametrize(("width", "words"), [("0", "distill=0"), ("many", "distill=")])
def test_a_width_that_cannot_be_used(run: Run, fit_options: list[str], tmp_path: Path, width: str, words: str) -> None:
    """Such a fit ends with code 2 and says what was found, before any work."""
    option = ["--backbone", "mixture", "--backbone-option", f"distill={width}"]
    ran = run("fit", *fit_options, *option, "--out", tmp_path / "r")
    assert ran.code == 2
    assert words in ran.stderr
    assert not (tmp_path / "r").exists()
