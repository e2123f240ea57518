"""`llminit tune`, and `llminit fit` with what it writes."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import HashEncoder, Ran, Run
from llminit.config import FitConfig
from llminit.recommender import Recommender
from planted import everything_under

pytestmark = pytest.mark.usefixtures("one_thread")

JSON_KEYS = {"metric", "value", "first", "best", "options", "finished", "pruned", "failed", "seconds", "trials", "out"}

TuneRun = Callable[..., Ran]


@pytest.fixture
def tune(run: Run, tables: Path, tmp_path: Path) -> TuneRun:
    """Run a quick search in this process, into tmp_path / "best.toml"."""
    files = [f"--{name}={tables}/{name}.parquet" for name in ("interactions", "items", "embeddings")]

    def call(*options: Any) -> Ran:
        return run("tune", *files, "--trials", 5, "--epochs", 3, "--out", tmp_path / "best.toml", *options)

    return call


def test_json_contract(tune: TuneRun, tmp_path: Path) -> None:
    """--json prints one object: the best options, their value and the presets', and how the trials ended."""
    ran = tune("--json")
    assert ran.code == 0, ran.stderr
    found = ran.json
    assert found.keys() == JSON_KEYS
    assert (found["metric"], found["out"]) == ("ndcg@10", str(tmp_path / "best.toml"))
    assert list(found["first"]) == ["fast", "wide", "max"]
    values = [trial["value"] for trial in found["trials"] if trial["value"] is not None]
    assert found["value"] == max(values) >= found["first"]["fast"]
    assert found["finished"] + found["pruned"] + found["failed"] == len(found["trials"]) == 5
    assert FitConfig.make(**found["options"]).backbone == found["trials"][found["best"]]["values"]["backbone"]
    assert ran.stdout.count("\n") == 1


def test_people_see_the_best_beside_the_presets(tune: TuneRun, tmp_path: Path) -> None:
    """The budget and the seeds come first; at the end there are the best options, the presets and the counts."""
    ran = tune("--seeds", 2)
    assert ran.code == 0, ran.stderr
    assert ran.stderr.splitlines()[0] == (
        "searching with 5 trials on the splits of seeds 0 to 1; tried first: fast, wide, max"
    )
    for expected in (
        "validation ndcg@10",
        "fast",
        "max",
        "5 trials: ",
        "pruned, 0 failed",
        "% against fast",
        "temperature=",
    ):
        assert expected in ran.stdout
    assert f"llminit fit --config {tmp_path / 'best.toml'} --out FOLDER" in ran.stdout


def test_fit_takes_the_file_as_it_is(tune: TuneRun, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`llminit fit --config best.toml` needs nothing but --out, from any folder, and fits the best options."""
    found = tune("--json", "--min-rating", 4, "--seed", 3, "--split", "temporal-loo").json
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ran = run("fit", "--config", tmp_path / "best.toml", "--out", tmp_path / "model", "--json")
    assert ran.code == 0, ran.stderr
    config = {name: value for name, value in ran.json["config"].items() if name not in ("preset", "refit")}
    assert config == found["options"]
    assert (config["min_rating"], config["seed"], config["split"]) == (4.0, 3, "temporal-loo")
    best = found["trials"][found["best"]]
    assert ran.json["options"] == best["chosen"]
    assert ran.json["best_epoch"] == best["best_epochs"][0]
    titles = Recommender.load(tmp_path / "model").titles
    assert titles is not None


def test_the_file_names_the_encoder(run: Run, tables: Path, tmp_path: Path, hash_encoder: HashEncoder) -> None:
    """Where texts are encoded, the file names the encoder and the template; `fit` encodes nothing again."""
    files = [f"--{name}={tables}/{name}.parquet" for name in ("interactions", "items")]
    options = ["--trials", 2, "--epochs", 2, "--embedding-size", 8, "--encoder", "hash", "--text", "{title}!"]
    assert run("tune", *files, *options, "--out", tmp_path / "best.toml").code == 0
    written = tomllib.loads((tmp_path / "best.toml").read_text(encoding="utf-8"))
    assert (written["encoder"], written["text"], written["embedding_size"]) == ("hash", "{title}!", 8)
    assert written["interactions"] == str(tables / "interactions.parquet")
    n_encoded = hash_encoder.n_encoded
    ran = run("fit", "--config", tmp_path / "best.toml", "--out", tmp_path / "model")
    assert ran.code == 0, ran.stderr
    assert hash_encoder.n_encoded == n_encoded == 40


def test_again_and_more(tune: TuneRun, tmp_path: Path) -> None:
    """The same command prints the same and runs nothing; with more trials it goes on; other options are refused."""
    first = tune("--json").json
    again = tune("--json")
    assert again.json["trials"] == first["trials"]
    assert "5 of them are there already" in again.stderr
    more = tune("--json", "--trials", 7).json
    assert more["trials"][:5] == first["trials"]
    assert len(more["trials"]) == 7
    before = everything_under(tmp_path)
    refused = tune("--embedding-size", 8)
    assert refused.code == 2
    assert "--embedding-size was None and is now 8" in refused.stderr
    assert "pass overwrite" in refused.stderr
    assert everything_under(tmp_path) == before
    assert tune("--embedding-size", 8, "--overwrite").code == 0
    assert "embedding_size = 8" in (tmp_path / "best.toml").read_text(encoding="utf-8")


BAD: dict[str, tuple[list[Any], list[str]]] = {
    "no trials": (["--trials", 0], ["--trials 0"]),
    "no time": (["--seconds", 0], ["--seconds 0"]),
    "no splits": (["--seeds", 0], ["--seeds 0"]),
    "no workers": (["--workers", 0], ["--workers"]),
    "no models": (["--backbones", ""], ["--backbones '' is empty"]),
    "an unknown model": (["--backbones", "softmax,gpt"], ["'gpt'", "lightgcn", "ease"]),
    "an unknown start": (["--init", "magic"], ["'magic'", "whiten"]),
    "an unknown metric": (["--valid-metric", "luck@10"], ["luck@10"]),
    "an unknown device": (["--device", "abacus"], ["abacus"]),
    "no validation interactions": (
        ["--split", "ratio", "--valid-share", 0],
        ["no validation interactions", "--valid-share"],
    ),
    "a filter that removes everything": (["--k-core", 50], ["50-core"]),
    "only what fails": (["--init", "whiten", "--embedding-size", 99], ["all 5 trials failed", "--embedding-size"]),
    "a missing table": (["--interactions", "none.parquet"], ["none.parquet"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(tune: TuneRun, tmp_path: Path, case: str) -> None:
    """What cannot be used is refused by name with exit code 2, one message and no file of options."""
    options, words = BAD[case]
    ran = tune(*options)
    assert (ran.code, ran.stdout) == (2, ""), ran.stderr
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr
    assert not (tmp_path / "best.toml").exists()


@pytest.mark.parametrize("kind", ["folder", "input", "other", "search"])
def test_an_out_that_is_something_else(tune: TuneRun, tables: Path, tmp_path: Path, kind: str) -> None:
    """A folder, an input, a file of somebody else and a search that is none are refused and stay as they are."""
    out = tables / "items.parquet" if kind == "input" else tmp_path / "best.toml"
    if kind == "folder":
        (out / "inner").mkdir(parents=True)
    elif kind == "other":
        out.write_text("precious")
    elif kind == "search":
        (tmp_path / "best.study.jsonl").write_text("precious\nmore\n")
    before = everything_under(tmp_path), everything_under(tables)
    ran = tune("--out", out)
    assert (ran.code, ran.stdout) == (2, ""), ran.stderr
    assert "Traceback" not in ran.stderr
    assert str(tmp_path if kind == "search" else out) in ran.stderr
    assert (everything_under(tmp_path), everything_under(tables)) == before


def test_a_missing_extra(tune: TuneRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Optuna one line has the pip command."""
    monkeypatch.setattr("llminit.tuning.tune.util.find_spec", lambda package: None)
    ran = tune()
    assert (ran.code, ran.stdout) == (2, "")
    assert "pip install 'llminit[tune]'" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_the_help_lists_all_models(run: Run) -> None:
    """The help of --backbones names backbones, the mixture and baselines, and no `none`."""
    words = run("tune", "--help").stdout.split("--backbones")[1].split("--split")[0].replace("│", "").split()
    assert {"softmax,", "mixture,", "ease,"} <= set(words)
    assert "none," not in words
