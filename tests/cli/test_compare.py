"""`llminit compare`."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line import HashEncoder, Run
from llminit.config import FitConfig
from llminit.results import ResultsFolder


@pytest.fixture
def options(tables: Path, tmp_path: Path, one_thread: None) -> list[str]:
    """Options of a quick comparison in this process."""
    values: dict[str, Any] = {name: tables / f"{name}.parquet" for name in ("interactions", "items", "embeddings")}
    values |= {"embedding-sizes": 8, "epochs": 2, "inits": "xavier,pca", "baselines": "popularity,item-knn"}
    values |= {"backbones": "lightgcn"}
    values |= {"seeds": 2, "workers": 0, "out": tmp_path / "r"}
    return [text for name, value in values.items() for text in (f"--{name}", str(value))]


def without(options: list[str], *names: str) -> list[str]:
    """The same options without some and their values."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return [text for option, value in pairs if option.removeprefix("--") not in names for text in (option, value)]


def test_json(run: Run, options: list[str], tmp_path: Path) -> None:
    """--json prints one object: the data, the cells and a row a method with both protocols."""
    ran = run("compare", *options, "--json", "--backbones", "mf,lightgcn:1")
    assert ran.code == 0, ran.stderr
    found = ran.json
    assert (found["n_users"], found["n_cells"], found["failed"]) == (60, 2 * 4 + 2, {})
    rows = {row["method"]: row for row in found["methods"]}
    assert rows.keys() == {"mf + xavier", "mf + pca", "lightgcn + xavier", "lightgcn + pca", "popularity", "item-knn"}
    assert (rows["mf + pca"]["n_seeds"], rows["lightgcn + pca"]["n_seeds"]) == (2, 1)
    assert rows["lightgcn + pca"]["standard recall@10 sd"] is None
    tidy = ResultsFolder(tmp_path / "r").tidy().filter(model="mf", init="pca", metric="ndcg", k=10, group="all")
    for protocol in ("standard", "paper"):
        values = tidy.filter(protocol=protocol)["value"]
        assert rows["mf + pca"][f"{protocol} ndcg@10"] == pytest.approx(values.mean())
        assert rows["mf + pca"][f"{protocol} ndcg@10 sd"] == pytest.approx(values.std())


def test_new_items(run: Run, options: list[str], tmp_path: Path) -> None:
    """With --cold-share, each method of text has what new items get in JSON and in a table; all else is the same."""
    plain = run("compare", *options, "--json")
    assert "cold" not in plain.json
    cold = ("--cold-share", "0.2", "--cold-users", "0.2")
    found = run("compare", *options, *cold, "--json").json
    assert found["methods"] == plain.json["methods"]
    rows = {row["method"]: row for row in found["cold"]}
    assert rows["lightgcn + pca"]["n_seeds"] == 2
    assert rows["lightgcn + pca"]["at"]["0.02"].keys() >= {"recall@10", "ndcg@10", "share_of_lists", "most_shown"}
    assert "at" not in rows["popularity"]
    assert rows["popularity"]["new_users"]["recall@10"] > 0
    cells = [cell for cell in ResultsFolder(tmp_path / "r").cold_cells() if cell.key.label == "lightgcn + pca"]
    recall = sum(cell.at(0.06, "recall@10") for cell in cells) / 2
    assert rows["lightgcn + pca"]["at"]["0.06"]["recall@10"] == pytest.approx(recall)
    for some, words in ((cold, "20% random, 20% of users"), (cold[:2], "20% random"), (cold[2:], "20% of users")):
        shown = run("compare", *options, *some)
        assert shown.code == 0, shown.stderr
        assert words in " ".join(shown.stdout.split())
        assert "at 6% loss" in shown.stdout


def test_new_items_without_text(run: Run, options: list[str]) -> None:
    """Where nothing that is compared uses text, it is refused with what to do."""
    ran = run("compare", *without(options, "inits"), "--inits", "xavier", "--cold-share", "0.2")
    assert ran.code == 2
    assert "--cold-share 0.2 needs something that uses the items' text" in " ".join(ran.stderr.split())


def test_the_table(run: Run, options: list[str]) -> None:
    """For people there is a table, best first, with mean and spread of both protocols; progress is on stderr."""
    ran = run("compare", *options)
    assert ran.code == 0, ran.stderr
    methods = [line.split("│")[1].strip() for line in ran.stdout.splitlines() if "│" in line and "0." in line]
    assert methods[-1] in ("popularity", "lightgcn + xavier")
    assert {"lightgcn + pca", "item-knn"} < set(methods)
    assert "±" in ran.stdout
    for words in ("60 users, 40 items", "standard recall@10", "paper ndcg@10"):
        assert words in ran.stdout
    assert "lightgcn_pca_embeddings_d8_seed-1: recall@10" in ran.stderr
    assert "recall@10 0" not in ran.stdout


def test_the_default_grid_is_about_the_default_model(run: Run, options: list[str]) -> None:
    """Without names of backbones and inits it is `softmax`, which `fit` trains, from xavier, variance and whiten."""
    ran = run("compare", *without(options, "backbones", "inits"), "--baselines", "none", "--seeds", 1, "--json")
    assert ran.code == 0, ran.stderr
    methods = {row["method"] for row in ran.json["methods"]}
    assert methods == {f"{FitConfig().backbone} + {init}" for init in ("xavier", "variance", "whiten", "canonical")}


def test_again_and_more(run: Run, options: list[str], tmp_path: Path) -> None:
    """The same command prints the same; with more it adds; with other options it is refused, exit code 2."""
    first = run("compare", *options, "--json")
    assert run("compare", *options, "--json").json == first.json
    more = run("compare", *options, "--json", "--inits", "uniform")
    assert more.json["n_cells"] == first.json["n_cells"] + 2
    refused = run("compare", *options, "--min-rating", 4.5)
    assert (refused.code, refused.stdout) == (2, "")
    assert "--min-rating was None and is now 4.5" in refused.stderr


def test_failures_show_in_the_exit_code(run: Run, options: list[str]) -> None:
    """Cells that fail are listed, and the exit code is 1 though the others are there."""
    ran = run("compare", *options, "--learning-rate", "1e30", "--json")
    assert ran.code == 1
    assert set(ran.json["failed"]) == {f"lightgcn_{init}_d8_seed-{seed}" for init in ("xavier",) for seed in (0, 1)} | {
        f"lightgcn_pca_embeddings_d8_seed-{seed}" for seed in (0, 1)
    }
    assert {row["method"] for row in ran.json["methods"]} == {"popularity", "item-knn"}


def test_failures_of_an_earlier_grid_are_shown_and_do_not_count(run: Run, options: list[str]) -> None:
    """A call that finishes all its cells exits with 0, and names the cells that failed in an earlier call."""
    diverging = [*options, "--learning-rate", "1e30", "--seeds", 1]
    assert run("compare", *diverging).code == 1
    baselines = [*diverging, "--backbones", "", "--baselines", "popularity,rp3beta"]
    ran = run("compare", *baselines, "--json")
    assert (ran.code, ran.json["failed"]) == (0, {})
    shown = run("compare", *baselines)
    assert shown.code == 0
    assert "lightgcn_xavier_d8_seed-0 failed in an earlier call and is not part of this one" in shown.stderr
    assert "tries them again" not in shown.stderr
    again = run("compare", *diverging)
    assert again.code == 1
    assert "2 cells failed; the same command tries them again" in again.stderr


def test_a_configuration_file(run: Run, options: list[str], tmp_path: Path) -> None:
    """Lists in a TOML file are lists, and dotted options are tables."""
    text = 'backbones = ["mf", "lightgcn"]\nmax-history = ["all", 2]\ntune = false\n[backbone_options]\nn_layers = 1\n'
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    ran = run("compare", *without(options, "backbones"), "--config", tmp_path / "c.toml", "--json", "--seeds", 1)
    assert ran.code == 0, ran.stderr
    config = json.loads((tmp_path / "r" / "comparison.json").read_text(encoding="utf-8"))["config"]
    assert (config["backbones"], config["max_history"], config["tune"]) == (["mf", "lightgcn"], ["all", 2], False)
    cells = {cell.key.model: cell for cell in ResultsFolder(tmp_path / "r").cells()}
    assert (cells["lightgcn"].options, cells["mf"].options) == ({"n_layers": 1}, {})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--backbones", "nope"], ["'nope'", "sgcl"]),
        (["--inits", "nope"], ["'nope'", "whiten"]),
        (["--baselines", "nope"], ["'nope'", "item-knn"]),
        (["--controls", "nope"], ["'nope'", "shuffled"]),
        (["--encoders", "minilm"], ["embeddings and encoders"]),
        (["--embedding-sizes", "8,x"], ["--embedding-sizes x"]),
        (["--embedding-sizes", "64"], ["64 exceeds", "32"]),
        (["--seeds", "0"], ["--seeds 0"]),
        (["--device", "cuda:99"], ["cuda:99"]),
        (["--baseline-option", "l2"], ["KEY=VALUE"]),
        (["--backbone-option", "n_layers=two"], ["n_layers='two'"]),
        (["--backbone-option", "n_layers=-3"], ["n_layers=-3"]),
        (["--inits", "variance", "--init-option", "variance.share=5"], ["share=5"]),
        (["--baselines", "ease", "--baseline-option", "ease.l2=-1"], ["l2=-1"]),
        (["--backbones", "none", "--baselines", "none"], ["nothing to compare"]),
    ],
)
def test_wrong_usage(run: Run, options: list[str], tmp_path: Path, wrong: list[str], words: list[str]) -> None:
    """Unknown names and bad values are refused by name before any work: exit code 2, and no folder is made."""
    ran = run("compare", *options, *wrong)
    assert (ran.code, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr
    assert not (tmp_path / "r").exists()


def test_tidy_files(run: Run, options: list[str], tmp_path: Path) -> None:
    """The Parquet and JSON results are beside the cells, with the same number of rows."""
    assert run("compare", *options).code == 0
    rows = json.loads((tmp_path / "r" / "results.json").read_text(encoding="utf-8"))["rows"]
    assert len(pl.read_parquet(tmp_path / "r" / "results.parquet")) == len(rows) > 0


def test_encoders(run: Run, options: list[str], tables: Path, hash_encoder: HashEncoder) -> None:
    """Files and SPECs are compared side by side, under a file's stem and the SPEC itself."""
    sources = f"{tables / 'embeddings.parquet'},hash"
    ran = run(
        "compare",
        *without(options, "embeddings"),
        "--encoders",
        sources,
        "--baselines",
        "text-only",
        "--seeds",
        1,
        "--json",
    )
    assert ran.code == 0, ran.stderr
    methods = {row["method"] for row in ran.json["methods"]}
    assert {"lightgcn + pca (hash)", "lightgcn + pca (embeddings)", "text-only (hash)", "lightgcn + xavier"} <= methods
    assert hash_encoder.n_encoded == 40
