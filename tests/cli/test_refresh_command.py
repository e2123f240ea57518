"""`llminit refresh`."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from command_line import Run
from llminit import Recommender
from planted import N_ITEMS, N_USERS, World, everything_under


@pytest.fixture
def copied(fitted: Path, tmp_path: Path) -> Path:
    """A saved recommender of one's own."""
    return Path(shutil.copytree(fitted, tmp_path / "model"))


@pytest.fixture
def grown(world: World, tmp_path: Path) -> list[str]:
    """Options with all that was known, a new user and a new item of the first item's text."""
    rows = pl.DataFrame({"user_id": [900, 900, 3], "item_id": ["i00", "new0", "new0"]})
    known = world.interactions.select("user_id", "item_id")
    pl.concat([known, rows]).write_parquet(tmp_path / "all.parquet")
    items = pl.concat([world.items, pl.DataFrame({"item_id": ["new0"], "title": ["New „日本“"]})])
    items.write_parquet(tmp_path / "items.parquet")
    first = world.embeddings.head(1).with_columns(item_id=pl.lit("new0"))
    pl.concat([world.embeddings, first]).write_parquet(tmp_path / "emb.parquet")
    names = {"interactions": "all", "items": "items", "embeddings": "emb"}
    return [f"--{option}={tmp_path / name}.parquet" for option, name in names.items()]


def test_all_files_again(run: Run, copied: Path, grown: list[str], tmp_path: Path) -> None:
    """From files that hold everything, what is new is learned; the counts are in the JSON; the folder has it all."""
    ran = run("refresh", copied, *grown, "--json")
    assert ran.code == 0, ran.stderr
    expected = {"n_interactions": 3, "n_users": 1, "n_items": 1, "n_items_without_text": 0, "n_known": 480}
    assert {name: ran.json[name] for name in expected} == expected
    assert (ran.json["n_all_users"], ran.json["n_all_items"]) == (N_USERS + 1, N_ITEMS + 1)
    found = run("recommend", copied, "--user", 900, "--k", 5, "--json").json["recommendations"]
    assert sum(int(row["item_id"][1:]) % 4 == 0 for row in found) >= 4
    recommender = Recommender.load(copied)
    assert set(recommender.user_history(900)["item_id"]) == {"i00", "new0"}
    assert not recommender.folded.any()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_to_another_folder(run: Run, copied: Path, grown: list[str], tmp_path: Path) -> None:
    """--out leaves the folder as it is; a folder that is there is replaced only with --overwrite."""
    before = everything_under(copied)
    assert run("refresh", copied, *grown, "--out", tmp_path / "next").code == 0
    assert everything_under(copied) == before
    ran = run("refresh", copied, *grown, "--out", tmp_path / "next")
    assert ran.code == 2
    assert "is there already" in ran.stderr
    ran = run("refresh", copied, *grown, "--out", tmp_path / "next", "--overwrite")
    assert ran.code == 0
    assert "3 new interactions" in ran.stdout


def test_bad_input(run: Run, copied: Path, tmp_path: Path) -> None:
    """A file that is not there, and one without the right columns, change nothing."""
    before = everything_under(copied)
    pl.DataFrame({"who": [1]}).write_csv(tmp_path / "x.csv")
    for path, message in ((tmp_path / "nothing.csv", "nothing.csv"), (tmp_path / "x.csv", "user_id")):
        ran = run("refresh", copied, "--interactions", path)
        assert ran.code == 2
        assert message in ran.stderr
        assert "Traceback" not in ran.stderr
    assert everything_under(copied) == before
