"""`llminit recommend` and `llminit similar`."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from command_line import Run
from planted import N_ITEMS, N_USERS, SEEN_EACH, World

COLUMNS = ["user_id", "item_id", "score", "rank", "title"]
READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": pl.read_csv,
    ".jsonl": pl.read_ndjson,
}


def seen_by(world: World, user: int) -> set[str]:
    return set(world.interactions.filter(pl.col("user_id") == user)["item_id"])


def test_json_of_one_user(run: Run, fitted: Path, world: World) -> None:
    """The ids come back as they were, ranks start at 1, scores fall, seen items are absent, titles are shown."""
    ran = run("recommend", fitted, "--user", 12, "--k", 5, "--json")
    assert ran.code == 0, ran.stderr
    found = ran.json["recommendations"]
    assert [list(row) for row in found] == [COLUMNS] * 5
    assert [row["rank"] for row in found] == [1, 2, 3, 4, 5]
    assert {row["user_id"] for row in found} == {12}
    assert not {row["item_id"] for row in found} & seen_by(world, 12)
    scores = [row["score"] for row in found]
    assert scores == sorted(scores, reverse=True)
    titles = dict(world.items.iter_rows())
    assert [row["title"] for row in found] == [titles[row["item_id"]] for row in found]


def test_people_see_titles_as_they_are(run: Run, fitted: Path) -> None:
    """The table shows titles unchanged, with letters of all scripts, colons and brackets."""
    ran = run("recommend", fitted, "--user", 12, "--k", N_ITEMS)
    assert ran.code == 0
    assert "„日本“ :smile: [b]" in ran.stdout
    assert ran.stdout.count("Cluster") == N_ITEMS - SEEN_EACH


@pytest.mark.parametrize("ending", READERS)
def test_all_users_to_a_file(run: Run, fitted: Path, tmp_path: Path, ending: str) -> None:
    """--all --out writes every user's items, in each format what asking for the user alone gives."""
    ran = run("recommend", fitted, "--all", "--k", 4, "--out", tmp_path / f"o{ending}", "--json")
    assert ran.json == {"n_users": N_USERS, "n_recommendations": 4 * N_USERS, "out": str(tmp_path / f"o{ending}")}
    table = READERS[ending](tmp_path / f"o{ending}")
    assert table.columns == COLUMNS
    assert [path.name for path in tmp_path.iterdir()] == [f"o{ending}"]
    for user in (0, 12, 59):
        alone = pl.DataFrame(run("recommend", fitted, "--user", user, "--k", 4, "--json").json["recommendations"])
        rows = table.filter(pl.col("user_id") == user)
        assert rows.drop("score").equals(alone.drop("score"))
        assert rows["score"].to_list() == pytest.approx(alone["score"].to_list(), rel=1e-5)


def test_no_seen_item_for_anyone(run: Run, fitted: Path, world: World, tmp_path: Path) -> None:
    """With k larger than the catalogue, each user gets every item not seen, and --include-seen gives all items."""
    assert run("recommend", fitted, "--all", "--k", 1000, "--out", tmp_path / "o.parquet").code == 0
    table = pl.read_parquet(tmp_path / "o.parquet")
    assert len(table) == N_USERS * (N_ITEMS - SEEN_EACH)
    assert table.join(world.interactions, on=["user_id", "item_id"], how="inner").is_empty()
    ran = run("recommend", fitted, "--user", 12, "--k", 1000, "--include-seen", "--json")
    assert {row["item_id"] for row in ran.json["recommendations"]} == set(world.items["item_id"])


@pytest.mark.parametrize("content", ["user_id\n12\n7\n", 'user_id\n"12"\n"7"\n'])
def test_some_users(run: Run, fitted: Path, tmp_path: Path, content: str) -> None:
    """--users takes a file; without --json or --out the answer is CSV on stdout, users in the file's order."""
    (tmp_path / "users.csv").write_text(content)
    ran = run("recommend", fitted, "--users", tmp_path / "users.csv", "--k", 2)
    assert ran.code == 0, ran.stderr
    rows = pl.read_csv(ran.stdout.encode())
    assert rows.columns == COLUMNS
    assert rows["user_id"].to_list() == [12, 12, 7, 7]


def test_unknown_users(run: Run, fitted: Path, tmp_path: Path) -> None:
    """An unknown user is refused with similar ids; --skip-unknown leaves unknown users out and says how many."""
    ran = run("recommend", fitted, "--user", 120)
    assert (ran.code, ran.stdout) == (2, "")
    assert "unknown user id '120'" in ran.stderr
    assert "'12'" in ran.stderr
    (tmp_path / "users.csv").write_text("user_id\n12\n999\n998\n")
    ran = run("recommend", fitted, "--users", tmp_path / "users.csv", "--json")
    assert ran.code == 2
    assert "2 of 3 users" in ran.stderr
    ran = run("recommend", fitted, "--users", tmp_path / "users.csv", "--json", "--skip-unknown")
    assert {row["user_id"] for row in ran.json["recommendations"]} == {12}
    assert "2 of 3 users" in ran.stderr


@pytest.mark.parametrize("options", [[], ["--user", 1, "--all"], ["--all", "--users", "u.csv"]])
def test_exactly_one_choice_of_users(run: Run, fitted: Path, options: list[str | int]) -> None:
    """None or several of --user, --users and --all is wrong usage."""
    ran = run("recommend", fitted, *options)
    assert (ran.code, ran.stdout) == (2, "")
    assert "exactly one" in ran.stderr


@pytest.mark.parametrize("command", [["recommend", "--user", 1], ["similar", "--item", "i01"]])
@pytest.mark.parametrize("k", [0, -3])
def test_k_must_be_positive(run: Run, fitted: Path, command: list[str | int], k: int) -> None:
    """A k below 1 is refused."""
    ran = run(command[0], fitted, *command[1:], "--k", k)
    assert ran.code == 2
    assert f"--k {k}" in ran.stderr


def test_similar(run: Run, fitted: Path) -> None:
    """The nearest items exclude the item itself, are mostly of its cluster, and k may exceed the catalogue."""
    found = run("similar", fitted, "--item", "i01", "--k", 5, "--json").json
    assert found["item_id"] == "i01"
    assert [list(row) for row in found["similar"]] == [COLUMNS[1:]] * 5
    assert sum("Cluster 1" in row["title"] for row in found["similar"]) >= 4
    everything = run("similar", fitted, "--item", "i01", "--k", 1000, "--json").json["similar"]
    assert len(everything) == N_ITEMS - 1
    assert "i01" not in {row["item_id"] for row in everything}
    assert all(-1.001 <= row["score"] <= 1.001 for row in everything)


def test_similar_for_people_and_unknown(run: Run, fitted: Path) -> None:
    """People see a table of titles; an unknown item is refused with similar ids."""
    assert "Cluster 1" in run("similar", fitted, "--item", "i01").stdout
    ran = run("similar", fitted, "--item", "i011")
    assert ran.code == 2
    assert "unknown item id 'i011'" in ran.stderr
    assert "'i01'" in ran.stderr


def test_as_a_process(run_process: Run, fitted: Path) -> None:
    """Only JSON is on stdout, with all letters, also where the terminal's encoding is ASCII."""
    ran = run_process("recommend", fitted, "--user", 12, "--json", PYTHONIOENCODING="utf-8", LC_ALL="C", COLUMNS="40")
    assert ran.code == 0, ran.stderr
    assert "„日本“" in json.loads(ran.stdout)["recommendations"][0]["title"]
