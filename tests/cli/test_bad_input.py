"""Bad input: exit code 2, one message that says what was found, expected and to do, and nothing half-written."""

import json
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from command_line import HashEncoder, Run
from planted import World, everything_under

# Runs a command that must be refused, and checks how.
Refuse = Callable[..., None]
# Writes tables and gives the fit of them.
FitOf = Callable[..., list[Any]]

NO_TEXT = pl.lit("").alias("title")
OTHER_IDS = pl.format("x{}", "item_id").alias("item_id")


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Refuse:
    """Run a command that must be refused: code 2, one message with these words, and no file made or changed."""

    def check(arguments: Sequence[Any], *words: str) -> None:
        before = everything_under(tmp_path)
        ran = run(*arguments)
        assert ran.code == 2, ran.stderr
        assert ran.stdout == ""
        assert "Traceback" not in ran.stderr
        assert [line.lower()[:6] for line in ran.stderr.splitlines()].count("error:") == 1
        for word in words:
            assert word in ran.stderr
        assert everything_under(tmp_path) == before

    return check


@pytest.fixture
def fit_of(world: World, tmp_path: Path) -> FitOf:
    """Write the three tables, some of them spoilt, and return the fit of them."""

    def make(
        *options: Any,
        interactions: pl.DataFrame | None = None,
        items: pl.DataFrame | None = None,
        embeddings: pl.DataFrame | None = None,
    ) -> list[Any]:
        tables = {"interactions": interactions, "items": items, "embeddings": embeddings}
        files = []
        for name, spoilt in tables.items():
            path = tmp_path / f"{name}.parquet"
            (getattr(world, name) if spoilt is None else spoilt).write_parquet(path)
            files += [f"--{name}", path]
        return ["fit", *files, "--embedding-size", 8, "--epochs", 1, "--out", tmp_path / "out", *options]

    return make


def with_value(world: World, value: float) -> pl.DataFrame:
    rows = world.embeddings["embedding"].to_numpy().copy()
    rows[7, 3] = value
    return world.embeddings.with_columns(pl.Series("embedding", rows))


# What is spoilt, as functions of the planted world, and what the message must say.
SPOILT_TABLES: dict[str, tuple[Callable[[World], dict[str, pl.DataFrame]], list[str]]] = {
    "no user column": (lambda w: {"interactions": w.interactions.drop("user_id")}, ["'user_id'", "--user-column"]),
    "misnamed item column": (
        lambda w: {"interactions": w.interactions.rename({"item_id": "item"})},
        ["no column 'item_id'", "'item'", "--item-column"],
    ),
    "item table without ids": (lambda w: {"items": w.items.drop("item_id")}, ["no column 'item_id'", "'title'"]),
    "no interactions": (lambda w: {"interactions": w.interactions.clear()}, ["interactions.parquet", "no rows"]),
    "no items": (lambda w: {"items": w.items.clear()}, ["items.parquet", "no rows"]),
    "no embeddings": (lambda w: {"embeddings": w.embeddings.clear()}, ["embeddings.parquet", "no rows"]),
    "a missing user": (
        lambda w: {"interactions": w.interactions.with_columns(user_id=pl.col("user_id").replace(3, None))},
        ["missing ids", "'user_id'"],
    ),
    "an item twice": (lambda w: {"items": pl.concat([w.items, w.items.head(1)])}, ["more than one row", "'i00'"]),
    "an embedding twice": (lambda w: {"embeddings": pl.concat([w.embeddings, w.embeddings.head(1)])}, ["'i00'"]),
    "NaN": (lambda w: {"embeddings": with_value(w, np.nan)}, ["NaN or infinite", "'i07'"]),
    "infinity": (lambda w: {"embeddings": with_value(w, -np.inf)}, ["NaN or infinite", "'i07'"]),
    "a column of text": (lambda w: {"embeddings": w.embeddings.with_columns(embedding=pl.lit("x"))}, ["embedding"]),
    "other items in the embeddings": (
        lambda w: {"embeddings": w.embeddings.with_columns(OTHER_IDS)},
        ["none of the 40 items", "'xi00'", "'i00'"],
    ),
    "other items in the item table": (
        lambda w: {"items": w.items.with_columns(OTHER_IDS)},
        ["no item id", "'xi00'", "'i00'"],
    ),
    "a rating of text": (lambda w: {"interactions": w.interactions.with_columns(rating=pl.lit("good"))}, ["rating"]),
}


@pytest.mark.parametrize("case", SPOILT_TABLES)
def test_tables(refused: Refuse, fit_of: FitOf, world: World, case: str) -> None:
    """Tables that cannot be used are refused with the names and values that are wrong."""
    spoil, words = SPOILT_TABLES[case]
    refused(fit_of(**spoil(world)), *words)


OPTIONS: dict[str, tuple[list[Any], list[str]]] = {
    "width smaller than d": (["--embedding-size", 64], ["--embedding-size 64", "32 dimensions"]),
    "a k-core that removes everything": (["--k-core", 50], ["50-core", "--k-core"]),
    "a rating that removes everything": (["--min-rating", 6], ["minimum rating of 6", "highest rating is 5"]),
    "shares of 1": (
        ["--split", "ratio", "--valid-share", 0.5, "--test-share", 0.5],
        ["--valid-share and --test-share"],
    ),
    "a negative size": (["--embedding-size", -1], ["--embedding-size -1"]),
    "a number that is none": (["--epochs", "many"], ["--epochs", "integer"]),
    "an infinite learning rate": (["--learning-rate", "inf"], ["--learning-rate inf"]),
    "an unknown option": (["--no-such-option"], ["--no-such-option"]),
    "an unknown backbone": (["--backbone", "gpt"], ["'gpt'", "lightgcn"]),
    "an unknown backbone option": (["--backbone-option", "heat=2"], ["'heat'", "temperature"]),
    "a bad backbone option": (["--backbone-option", "temperature=warm"], ["temperature='warm'"]),
    "an option of another loss": (
        ["--backbone-option", "loss=directau", "--backbone-option", "sampled_negatives=true"],
        [
            "sampled_negatives=True",
            "loss='directau' has no sampled_negatives; leave it out, or choose the loss softmax",
        ],
    ),
    "not KEY=VALUE": (["--backbone-option", "n_layers"], ["KEY=VALUE"]),
    "an unknown initialisation": (["--init", "magic"], ["'magic'", "whiten"]),
    "an unknown selector option": (["--init-option", "share=1"], ["'share'", "shrinkage"]),
    "options of xavier": (["--init", "xavier", "--init-option", "share=1"], ["takes no options", "share"]),
    "a bad selector option": (["--init", "variance", "--init-option", "share=0"], ["share=0"]),
    "a selector option of another type": (["--init", "variance", "--init-option", "share=big"], ["share='big'"]),
    "an unknown stage": (["--init", "middle|pca:5+svd:3"], ["'middle'", "center", "propagate"]),
    "an unknown part": (["--init", "center|pce:8"], ["'pce'", "whiten", "svd"]),
    "widths of another size": (["--init", "pca:96+svd:32", "--embedding-size", 8], ["add up to 128", "8"]),
    "options of a composition": (
        ["--init", "pca:5+svd:3", "--embedding-size", 8, "--init-option", "norm=1"],
        ["'norm'", "takes: none"],
    ),
    "a selector wider than the encoder": (["--init", "whiten", "--embedding-size", 64], ["32 dimensions", "lower"]),
    "an unknown split": (["--split", "by-magic"], ["by-magic", "temporal-loo"]),
    "an unknown metric": (["--valid-metric", "luck@10"], ["luck@10", "ndcg"]),
    "a metric without k": (["--valid-metric", "ndcg"], ["ndcg@10"]),
    "an unknown protocol": (["--valid-protocol", "mine"], ["mine", "paper"]),
    "an unknown device": (["--device", "abacus"], ["abacus"]),
    "an unknown encoder": (["--encoder", "tarot"], ["tarot", "minilm"]),
    "encoder options without an encoder": (["--encoder-option", "a=1"], ["--encoder"]),
    "a base URL without an endpoint": (["--base-url", "http://localhost/v1"], ["--base-url"]),
    "threads that are not there": (["--threads", 4096], ["4096"]),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(refused: Refuse, fit_of: FitOf, case: str) -> None:
    """Options that cannot be used are refused by name, with what is possible."""
    options, words = OPTIONS[case]
    refused(fit_of(*options), *words)


@pytest.mark.parametrize("split", ["temporal-loo", "global-time"])
def test_time_is_missing(refused: Refuse, fit_of: FitOf, world: World, split: str) -> None:
    """A split by time without timestamps is refused."""
    refused(fit_of("--split", split, interactions=world.interactions.drop("timestamp")), "timestamp")


@pytest.mark.parametrize("name", ["interactions", "items", "embeddings"])
@pytest.mark.parametrize("kind", ["missing", "folder", "wrong ending", "garbage", "no columns"])
def test_files(refused: Refuse, fit_of: FitOf, tmp_path: Path, name: str, kind: str) -> None:
    """A file that is missing, a folder, of an unknown format or damaged is refused by its path."""
    arguments = fit_of()
    path = tmp_path / ("table.xyz" if kind == "wrong ending" else "table.parquet")
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"no columns": b""}.get(kind, b"PAR1 nonsense \xff"))
    refused([*arguments, f"--{name}", path], str(path))


@pytest.mark.parametrize("command", ["encode", "fit", "init"])
def test_an_item_table_without_any_text(
    refused: Refuse, fit_of: FitOf, world: World, hash_encoder: HashEncoder, tmp_path: Path, command: str
) -> None:
    """An item table in which nothing has text is refused, and nothing is encoded."""
    fit_of(items=world.items.with_columns(NO_TEXT))
    files = ["--items", tmp_path / "items.parquet", "--encoder", "hash", "--out", tmp_path / "out.parquet"]
    if command != "encode":
        files += ["--interactions", tmp_path / "interactions.parquet"]
    refused([command, *files], "none of the 40 items has text", "title")
    assert hash_encoder.n_encoded == 0


def test_nothing_to_start_from(refused: Refuse, fit_of: FitOf, tmp_path: Path) -> None:
    """Without an item table and embeddings, a fit from text is refused and told of svd."""
    fit_of()
    advice = "--init svd, which needs no text"
    refused(["fit", "--interactions", tmp_path / "interactions.parquet", "--out", tmp_path / "out"], advice)
    refused(["init", "--interactions", tmp_path / "interactions.parquet", "--out", tmp_path / "out"], "item table")


def test_an_endpoint_that_cannot_be_reached(
    refused: Refuse, fit_of: FitOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed port is an endpoint that cannot be reached; no traceback, no half-written file."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    fit_of()
    endpoint = ["--encoder", "openai:some-model", "--base-url", url, "--encoder-option", "max_retries=0"]
    files = ["--items", tmp_path / "items.parquet", "--out", tmp_path / "e.parquet"]
    refused(["encode", *files, *endpoint], url, "cannot be reached")


@pytest.mark.parametrize("kind", ["file", "folder", "newer", "damaged"])
@pytest.mark.parametrize("command", ["fit", "init"])
def test_an_out_that_is_something_else(
    refused: Refuse, fit_of: FitOf, fitted: Path, tmp_path: Path, kind: str, command: str
) -> None:
    """--out never replaces what is not its own: a file, another folder, a newer or damaged recommender."""
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("precious")
    elif kind == "folder":
        out.mkdir()
        (out / "precious.txt").write_text("precious")
    else:
        shutil.copytree(fitted, out)
        spoil_manifest(out, kind)
    arguments = (
        [argument for argument in fit_of() if argument not in ("--epochs", 1)] if command == "init" else fit_of()
    )
    refused([command, *arguments[1:]], str(out))


def spoil_manifest(folder: Path, kind: str) -> None:
    text = (folder / "manifest.json").read_text()
    newer = json.dumps(json.loads(text) | {"layout_version": 99, "llminit_version": "9.9"})
    (folder / "manifest.json").write_text(newer if kind == "newer" else text[: len(text) // 2])


def spoil(folder: Path, kind: str) -> None:
    if kind == "missing":
        shutil.rmtree(folder)
    elif kind in ("newer", "truncated manifest"):
        spoil_manifest(folder, kind)
    elif kind == "no manifest":
        (folder / "manifest.json").unlink()
    elif kind == "file missing":
        (folder / "users.parquet").unlink()
    else:
        path = folder / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content[:-4] if kind == "truncated" else content)


ARTEFACTS = {
    "missing": ["no folder"],
    "no manifest": ["no manifest.json"],
    "newer": ["layout version 99", "9.9", "upgrade"],
    "truncated manifest": ["manifest.json is damaged"],
    "truncated": ["model.safetensors", "bytes, expected", "make it anew"],
    "flipped byte": ["model.safetensors", "checksum", "make it anew"],
    "file missing": ["users.parquet is missing"],
}


@pytest.mark.parametrize("kind", ARTEFACTS)
@pytest.mark.parametrize("command", [["recommend", "--all"], ["similar", "--item", "i01"]])
def test_artefacts(refused: Refuse, fitted: Path, tmp_path: Path, kind: str, command: list[str]) -> None:
    """A recommender that is missing, cut short, changed or of a newer version is refused by the file that is wrong."""
    folder = tmp_path / "r"
    shutil.copytree(fitted, folder)
    spoil(folder, kind)
    refused([command[0], folder, *command[1:]], str(folder), *ARTEFACTS[kind])


RECOMMEND = {
    "an unknown ending": (["--all", "--out", "o.xlsx"], [".xlsx", ".parquet"]),
    "a folder": (["--all", "--out", "d.csv"], ["d.csv", "folder"]),
    "a missing file of users": (["--users", "none.csv"], ["none.csv"]),
    "a file without users": (["--users", "wrong.csv"], ["wrong.csv", "expected user_id"]),
    "a k that is none": (["--all", "--k", "ten"], ["--k"]),
}


@pytest.mark.parametrize("case", RECOMMEND)
def test_recommend(refused: Refuse, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Recommendations that cannot be made or written are refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").mkdir()
    (tmp_path / "wrong.csv").write_text("who\n1\n")
    options, words = RECOMMEND[case]
    refused(["recommend", fitted, *options], *words)


def test_missing_required_options(refused: Refuse) -> None:
    """A required option that is not given is named."""
    refused(["fit"], "--interactions")
    refused(["encode", "--items", "x.csv"], "--out")
    refused(["similar"], "DIR")


def test_as_a_process(run_process: Run, fit_of: FitOf, world: World, tmp_path: Path) -> None:
    """A process of its own exits with 2 and one message, too."""
    ran = run_process(*fit_of(items=world.items.drop("item_id")), LLMINIT_CACHE=str(tmp_path / "cache"))
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
