"""`llminit add-items`, and `recommend` for histories and texts."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line import HashEncoder, Run
from llminit import Recommender
from planted import N_ITEMS, World, everything_under


@pytest.fixture
def copied(fitted: Path, tmp_path: Path) -> Path:
    """A saved recommender of one's own."""
    return Path(shutil.copytree(fitted, tmp_path / "model"))


@pytest.fixture
def tonight(world: World, tmp_path: Path) -> list[str]:
    """Options that add two items: copies of the first two, and one without an embedding."""
    table = pl.DataFrame({"item_id": ["new0", "new1", "new2"], "title": ["Copy „日本“ 0", "Copy 1", None]})
    table.write_csv(tmp_path / "items.csv")
    first = world.embeddings.head(2).with_columns(item_id=pl.Series(["new0", "new1"]))
    first.write_parquet(tmp_path / "emb.parquet")
    return [f"--items={tmp_path / 'items.csv'}", f"--embeddings={tmp_path / 'emb.parquet'}"]


def test_tonights_items(run: Run, copied: Path, tonight: list[str], tmp_path: Path) -> None:
    """The folder takes the items in its place; the JSON has the counts; they are recommended at once."""
    ran = run("add-items", copied, *tonight, "--json")
    assert ran.code == 0, ran.stderr
    expected = {"added": 3, "replaced": 0, "restored": 0, "without_text": 1, "n_items": N_ITEMS + 3, "out": str(copied)}
    assert {name: value for name, value in ran.json.items() if name != "exposure"} == expected
    assert "1 of 3 items have no text" in ran.stderr
    found = run("recommend", copied, "--history", "new0", "--k", N_ITEMS, "--json").json["recommendations"]
    assert [list(row) for row in found] == [["item_id", "score", "rank", "title"]] * N_ITEMS
    # Items 0 and 1 are of different clusters of four.
    assert sum(int(row["item_id"][1:]) % 4 == 0 for row in found[:5] if row["item_id"].startswith("i")) >= 4
    similar = run("similar", copied, "--item", "new0", "--k", 3, "--json").json["similar"]
    assert {int(row["item_id"][1:]) % 4 for row in similar} == {0}
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_added_again_and_to_another_folder(run: Run, copied: Path, tonight: list[str], tmp_path: Path) -> None:
    """--out leaves the old folder as it is; an item that was added is replaced; warm ones are not; the dial moves."""
    before = everything_under(copied)
    out = tmp_path / "next"
    assert run("add-items", copied, *tonight, "--out", out).code == 0
    assert everything_under(copied) == before
    ran = run("add-items", copied, *tonight, "--out", out)
    assert ran.code == 2
    assert "is there already" in ran.stderr
    assert run("add-items", copied, *tonight, "--out", out, "--overwrite").code == 0
    ran = run("add-items", out, *tonight, "--exposure", 0.5, "--json")
    assert (ran.json["added"], ran.json["replaced"], ran.json["exposure"]) == (0, 3, 0.5)
    pl.DataFrame({"item_id": ["i00"], "title": ["x"]}).write_csv(tmp_path / "items.csv")
    ran = run("add-items", out, *tonight)
    assert ran.code == 2
    assert "known from training, such as 'i00'" in ran.stderr


def test_with_the_encoder_of_the_fit(
    run: Run, fit_options: list[str], hash_encoder: HashEncoder, world: World, tmp_path: Path
) -> None:
    """Without embeddings the fit's encoder is opened, and a text asked for goes the same way."""
    options = [*fit_options[:4], *fit_options[6:]]
    assert run("fit", *options, "--encoder", "hash", "--out", tmp_path / "r").code == 0
    encoded = hash_encoder.n_encoded
    pl.DataFrame({"item_id": ["new0"], "title": [world.items["title"][0]]}).write_csv(tmp_path / "items.csv")
    assert run("add-items", tmp_path / "r", "--items", tmp_path / "items.csv").code == 0
    assert hash_encoder.n_encoded == encoded + 1
    text = world.items["title"][0]
    found = run("recommend", tmp_path / "r", "--text", text, "--k", 40, "--json").json["recommendations"]
    assert found[0]["item_id"] == "new0"
    assert found[0]["score"] == pytest.approx(1, abs=1e-4)


def test_histories(run: Run, fitted: Path, tmp_path: Path) -> None:
    """A history is ids with commas, or a JSON list; it goes to a file like any list."""
    expected = Recommender.load(fitted).recommend_for_history(["i00", "i04"], 6)
    for history in ("i00,i04", " i00 , i04, ", '["i00", "i04"]', "i04,i00,i04"):
        found = run("recommend", fitted, "--history", history, "--k", 6, "--json").json
        assert found["n_recommendations"] == 6
        assert pl.DataFrame(found["recommendations"])["item_id"].to_list() == expected["item_id"].to_list()
    ran = run("recommend", fitted, "--history", "i00,i04", "--k", 6, "--out", tmp_path / "o.csv")
    assert "6 recommendations, saved to" in ran.stdout
    assert pl.read_csv(tmp_path / "o.csv")["item_id"].to_list() == expected["item_id"].to_list()
    ran = run("recommend", fitted, "--history", ",", "--k", 3)
    assert ran.code == 0
    assert "the history is empty" in ran.stderr


def test_diversity(run: Run, fitted: Path) -> None:
    """--diversity gives the lists of the library's dial."""
    expected = Recommender.load(fitted).recommend([12], 5, diversity=0.8)["item_id"].to_list()
    found = run("recommend", fitted, "--user", 12, "--k", 5, "--diversity", 0.8, "--json").json["recommendations"]
    assert [row["item_id"] for row in found] == expected
    assert expected != Recommender.load(fitted).recommend([12], 5)["item_id"].to_list()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--history", "i00,nothing"], "unknown item id 'nothing'"),
        (["--history", "[i00"], "is no JSON list"),
        (["--history", '[["i00"]]'], "holds other things than ids"),
        (["--history", "i00", "--user", "12"], "exactly one of"),
        (["--text", " "], "expected some words"),
        (["--text", "red"], "fitted to text embeddings that were given"),
        (["--user", "12", "--diversity", "2"], "--diversity 2.0 cannot be used"),
        ([], "exactly one of"),
    ],
)
def test_bad_requests(run: Run, fitted: Path, options: list[str], message: str) -> None:
    """Each names what is wrong, and ends with 2."""
    ran = run("recommend", fitted, *options)
    assert ran.code == 2
    assert message in ran.stderr
    assert not ran.stdout


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"item_id": ["a", "a"], "title": ["x", "y"]}, "in more than one row"),
        ({"name": ["a"]}, "item_id"),
    ],
)
def test_bad_tables_change_nothing(run: Run, copied: Path, tmp_path: Path, table: dict[str, Any], message: str) -> None:
    """The folder is as it was."""
    before = everything_under(copied)
    pl.DataFrame(table).write_csv(tmp_path / "items.csv")
    ran = run("add-items", copied, "--items", tmp_path / "items.csv")
    assert ran.code == 2
    assert message in ran.stderr
    assert everything_under(copied) == before


def test_the_config_file(run: Run, copied: Path, tonight: list[str], tmp_path: Path) -> None:
    """Every option can stand in a file."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in (each[2:].split("=") for each in tonight)]
    (tmp_path / "c.toml").write_text("\n".join([*lines, "exposure = 2.0"]))
    ran = run("add-items", copied, "--config", tmp_path / "c.toml", "--json")
    assert (ran.code, ran.json["exposure"]) == (0, 2.0)
