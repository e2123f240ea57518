"""Every type of column in every role through every door: it works, or it is refused in a sentence or two."""

import contextlib
import io
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import llminit
from llminit import LLMInitError, Recommender
from llminit.arrays import FloatArray
from llminit.cli.main import main
from llminit.comparison import run as comparing
from llminit.data import read_interactions, read_items
from llminit.text import ENCODERS
from llminit.text.encoder import Identity
from odd_columns import OBJECTS, TYPED, typed_column

N_USERS, N_ITEMS, N_EACH, WIDTH = 12, 10, 5, 16
ROLES = ("user_id", "item_id", "rating", "timestamp", "title", "unused")
QUICK: dict[str, Any] = {"embedding_size": 4, "epochs": 1}
# What shows that another library speaks.
RAW = re.compile(
    r"SchemaError|ComputeError|InvalidOperation|Panic|polars|Traceback|cannot cast|conversion from|unexpected value|"
    r"strict=|dtype\(|numpy\.|pyarrow|TypeError|ValueError|object at 0x|shape: \(|Series:|categories=\["
)
# Makes the column of a name from the numbers of its users, items or rows.
Column = Callable[[str, list[int]], Any]


class CountingEncoder:
    """Makes vectors out of nothing, and counts the texts."""

    name = "counting"

    def __init__(self) -> None:
        self.n_encoded = 0

    def identity(self) -> Identity:
        return {"encoder": "counting"}

    def encode(self, texts: Any) -> FloatArray:
        self.n_encoded += len(texts)
        return np.random.default_rng(0).normal(size=(len(texts), WIDTH)).astype(np.float32)


@dataclass(frozen=True)
class Kind:
    """A kind of column: how it is made, and by which library."""

    name: str
    library: Any
    column: Column


def kind_of(name: str) -> Kind:
    return Kind(name, pl, lambda column, numbers: typed_column(column, name, numbers))


def kind_of_objects(name: str) -> Kind:
    value = OBJECTS[name]
    column: Column = lambda _, numbers: pd.Series([value(number) for number in numbers], dtype=object)  # noqa: E731
    return Kind(f"objects: {name}", pd, column)


KINDS = [*map(kind_of, TYPED), *map(kind_of_objects, OBJECTS)]
N_CASES: Counter[str] = Counter()


def tables(role: str, kind: Kind) -> tuple[Any, Any]:
    """Return interactions and items whose column in one role is odd; an odd id is the same in both."""
    pairs = [(user, (user * 3 + turn) % N_ITEMS) for user in range(N_USERS) for turn in range(N_EACH)]
    users, items = [user for user, _ in pairs], [item for _, item in pairs]
    rows, catalogue = list(range(len(pairs))), list(range(N_ITEMS))
    interactions = {"user_id": users, "item_id": items, "rating": [5.0] * len(rows), "timestamp": rows, "unused": rows}
    titles = {"item_id": catalogue, "title": [f"Title {item}" for item in catalogue], "unused": catalogue}
    if role in interactions:
        interactions[role] = kind.column(role, {"user_id": users, "item_id": items}.get(role, rows))
    if role in titles:
        titles[role] = kind.column(role, catalogue)
    return kind.library.DataFrame(interactions), kind.library.DataFrame(titles)


def outcome(door: str, case: str, call: Callable[[], Any]) -> Any:
    """Return what a call gives, or None where it is refused; whatever else it does fails the test."""
    N_CASES[door] += 1
    try:
        return call()
    except LLMInitError as error:
        check_refusal(str(error), case)
        return None
    except BaseException as error:
        raise AssertionError(f"{case}: {type(error).__name__}: {error}") from error


def check_refusal(message: str, case: str) -> None:
    assert 20 < len(message) < 900, f"{case}: {message[:2000]}"
    assert len(re.findall(r"[.!?] [A-Z]", message)) < 3, f"{case}: {message}"
    assert not RAW.search(message), f"{case}: {message}"
    message.encode()


@pytest.fixture
def encoder() -> Iterator[CountingEncoder]:
    encoder = CountingEncoder()
    ENCODERS.register(lambda: encoder, name="counting")
    yield encoder
    ENCODERS.remove("counting")


@pytest.mark.parametrize("role", ROLES)
def test_tables(role: str, encoder: CountingEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Frames of any column work in `initialize`, `fit` and `compare`, or all refuse them, before anything is encoded.

    A column that nothing needs never matters.
    """
    monkeypatch.setattr("llminit.pipeline.fit._Run.recommender", lambda run, started: run.dataset.served_columns())
    monkeypatch.setattr(comparing, "_run", lambda *arguments: None)
    doors: dict[str, Callable[[Any, Any], Any]] = {
        "initialize": lambda one, two: llminit.initialize(one, two, encoder=encoder, embedding_size=4),
        "filtered": lambda one, two: llminit.initialize(
            one, two, encoder=encoder, text="{title}, {unused}", select="variance", min_rating=0, embedding_size=4
        ),
        "fit": lambda one, two: [llminit.fit(one, two, encoder=encoder, split="temporal-loo", **QUICK)],
        "compare": lambda one, two: llminit.compare(
            one, two, out=tmp_path / "results", encoders=[encoder], embedding_sizes=4, seeds=1
        ),
    }
    for kind in KINDS:
        one, two = tables(role, kind)
        for door, call in doors.items():
            case, before = f"{door}, {role}, {kind.name}", encoder.n_encoded
            worked = outcome(door, case, partial(call, one, two)) is not None
            assert worked or encoder.n_encoded == before or role == "title" or door == "filtered", case
            assert worked or role != "unused" or door == "filtered", case
            shutil.rmtree(tmp_path / "results", ignore_errors=True)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_files(ending: str, tmp_path: Path) -> None:
    """Files of any column are read or refused; what is read has all rows, and no two ids became one."""
    writers: dict[str, Callable[..., Any]] = {
        ".parquet": pl.DataFrame.write_parquet,
        ".csv": pl.DataFrame.write_csv,
        ".tsv": lambda table, path: table.write_csv(path, separator="\t"),
        ".jsonl": pl.DataFrame.write_ndjson,
    }
    for role in ROLES:
        for kind in KINDS[: len(TYPED)]:
            written, case = tables(role, kind), f"{ending}, {role}, {kind.name}"
            paths = tmp_path / f"interactions{ending}", tmp_path / f"items{ending}"
            try:
                for table, path in zip(written, paths, strict=True):
                    writers[ending](table, path)
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
                continue  # This format cannot hold it.
            read = outcome(f"read {ending}", case, partial(read_interactions, paths[0]))
            assert read is None or len(read) == len(written[0]), case
            if read is not None and role in ("user_id", "item_id"):
                assert read[role].n_unique() == written[0][role].n_unique(), case
            items = outcome(f"read {ending}", case, partial(read_items, paths[1]))
            assert items is None or len(items) == len(written[1]), case


@pytest.mark.parametrize("command", ["init", "encode"])
def test_commands(command: str, encoder: CountingEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command exits with 0 and has written --out, or with 2, one message, and nothing at --out."""
    monkeypatch.setenv("LLMINIT_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out.parquet"
    for role in ("user_id", "item_id", "title") if command == "init" else ("item_id", "title"):
        for kind in KINDS[: len(TYPED)]:
            interactions, items = tables(role, kind)
            try:
                interactions.write_parquet(tmp_path / "interactions.parquet")
                items.write_parquet(tmp_path / "items.parquet")
            except pl.exceptions.PolarsError:
                continue
            options = ["--items", str(tmp_path / "items.parquet"), "--encoder", "counting", "--out", str(out)]
            if command == "init":
                options += ["--interactions", str(tmp_path / "interactions.parquet"), "--embedding-size", "4"]
            check_command([command, *options], out, f"{command}, {role}, {kind.name}")


def check_command(arguments: list[str], out: Path, case: str) -> None:
    N_CASES[arguments[0]] += 1
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(arguments)
    was_written = out.exists()
    if was_written:
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    assert code in (0, 2), f"{case}: {stderr.getvalue()}"
    assert was_written == (code == 0), case
    if code == 2:
        last = stderr.getvalue().rpartition("error: ")[2].strip()
        check_refusal(last, case)
        assert not re.search(r"\b(user|item|rating|timestamp)_column\b", last), last


BASES = ["int64", "text", "whole floats", "date"]


@cache
def fitted(base: str) -> Recommender:
    """Return a recommender whose ids are of one type."""
    kind = next(kind for kind in KINDS if kind.name == base)
    users, _ = tables("user_id", kind)
    items, catalogue = tables("item_id", kind)
    interactions = users.with_columns(items["item_id"])
    return llminit.fit(interactions, catalogue, encoder=CountingEncoder(), split="ratio", **QUICK)


def requests_of(model: Recommender, kind: Kind) -> dict[str, Callable[[], Any]]:
    """Return what a model can be asked with ids of a kind."""
    column, table = kind.column("ids", [1, 2, 3]), kind.library.DataFrame
    values = list(column)
    pairs = {"user_id": kind.column("u", [1, 2, 3] * 10), "item_id": kind.column("i", list(range(10)) * 3)}
    same = {"user_id": column, "item_id": column}
    return {
        "recommend to a column": lambda: model.recommend(column, k=2),
        "recommend to a list": lambda: model.recommend(values, k=2),
        "similar to a column": lambda: model.similar_items(column, k=2),
        "similar to one": lambda: model.similar_items(values[1], k=2),
        "candidates": lambda: model.recommend(k=2, exclude_seen=False, candidates=column),
        "exclude": lambda: model.recommend(k=2, exclude=values),
        "exclude pairs": lambda: model.recommend(k=2, exclude=table(same)),
        "where": lambda: model.recommend(k=2, exclude_seen=False, where={"item_id": values}),
        "evaluate": lambda: list(model.evaluate(table(pairs))),
    }


@pytest.mark.parametrize("base", BASES)
def test_requests(base: str) -> None:
    """Ids of any type ask for something and get it, or are refused; an empty answer is never the answer."""
    model = fitted(base)
    for kind in KINDS:
        for door, call in requests_of(model, kind).items():
            answer = outcome(door, f"{door}, {base}, {kind.name}", call)
            assert answer is None or len(answer), f"{door}, {base}, {kind.name}"


@pytest.mark.parametrize("base", ["int64", "text"])
def test_embeddings(base: str, tmp_path: Path) -> None:
    """Tables, files and pairs of text embeddings with any ids and any vectors work or are refused."""
    kind_of_ids = next(kind for kind in KINDS if kind.name == base)
    interactions, _ = tables("item_id", kind_of_ids)
    ids, vectors = list(range(N_ITEMS)), np.random.default_rng(0).normal(size=(N_ITEMS, WIDTH))

    def start(embeddings: Any) -> Any:
        return llminit.initialize(interactions, embeddings=embeddings, embedding_size=4)

    for kind in KINDS:
        odd, frame = kind.column("odd", ids), kind.library.DataFrame
        as_ids = frame({"item_id": odd, "embedding": vectors.tolist()})
        as_vectors = frame({"item_id": list(kind_of_ids.column("item_id", ids)), "embedding": odd})
        sources = {"ids": as_ids, "vectors": as_vectors, "pair of ids": (odd, vectors), "pair of vectors": (ids, odd)}
        for door, source in sources.items():
            outcome(f"embeddings: {door}", f"{door}, {base}, {kind.name}", partial(start, source))
        with contextlib.suppress(Exception):
            as_vectors.write_parquet(tmp_path / "e.parquet")
            outcome("embeddings: file", f"file, {base}, {kind.name}", lambda: start(tmp_path / "e.parquet"))


@pytest.mark.parametrize("base", ["int64", "text"])
def test_users_of_a_file(tmp_path: Path, base: str) -> None:
    """`recommend --users --skip-unknown` writes what it found, or fails with 2: never an empty file."""
    model = fitted(base)
    model.save(tmp_path / "model")
    out = tmp_path / "out.parquet"
    for kind in KINDS[: len(TYPED)]:
        try:
            pl.DataFrame({"user_id": kind.column("user_id", [1, 2, 3])}).write_parquet(tmp_path / "users.parquet")
        except pl.exceptions.PolarsError:
            continue
        options = ["--users", str(tmp_path / "users.parquet"), "--skip-unknown", "--out", str(out)]
        check_command(["recommend", str(tmp_path / "model"), *options], out, f"{base}, {kind.name}")


def test_real_fits(encoder: CountingEncoder, tmp_path: Path) -> None:
    """What fits can be saved and read, and answers for the very ids that it was fitted to."""
    for index, kind in enumerate(KINDS):
        role = ROLES[index % len(ROLES)]
        interactions, items = tables(role, kind)
        call = partial(llminit.fit, interactions, items, encoder=encoder, **QUICK)
        model = outcome("real fit", f"{role}, {kind.name}", call)
        if model is None:
            continue
        model.save(tmp_path / str(index))
        read = Recommender.load(tmp_path / str(index))
        assert len(read.recommend(interactions["user_id"][:3], k=3)), kind.name
        assert len(read.similar_items(interactions["item_id"][:2], 3)), kind.name
        read.recommend(k=2).write_ndjson(tmp_path / "out.jsonl")
        read.recommend(k=2).write_csv(tmp_path / "out.csv")


def test_the_number_of_cases() -> None:
    """The fuzz is as large as it says: this test is last, and fails where the others are narrowed without a word."""
    if len(N_CASES) < 20:
        pytest.skip("only a part of the fuzz was run")
    assert sum(N_CASES.values()) >= 3000, N_CASES
