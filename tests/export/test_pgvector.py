"""pgvector: a real PostgreSQL with it, filled from the file and straight."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
import pytest

from exported import arrays, best, sample
from llminit import Recommender
from llminit.cli.main import main
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, EndpointError
from llminit.export import FORMS, export
from llminit.export.sql import quoted
from llminit.models.serving import DotProduct
from other_programs import PASSWORD, binaries, running_server

NEAREST = """
SELECT u.user_id, array(
    SELECT i.item_id FROM llminit_items i
    {condition}
    ORDER BY i.embedding {operator} u.embedding LIMIT 10
) FROM llminit_users u
"""
WINTER = 'win"ter'
UNSEEN = "WHERE NOT EXISTS (SELECT FROM llminit_seen s WHERE s.user_id = u.user_id AND s.item_id = i.item_id)"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with running_server() as address:
        yield address


@pytest.fixture
def database(server: str) -> str:
    """The address of an empty database."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop WITH (FORCE)")
        connection.execute("CREATE DATABASE shop")
    return server.replace("/postgres?", "/shop?")


def ask(address: str, question: str) -> list[Any]:
    import psycopg

    with psycopg.connect(address) as connection:
        return list(connection.execute(question.encode()).fetchall())


def change(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address) as connection:
        connection.execute(statement.encode())


def load_file(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [binaries() / "psql", "--no-psqlrc", "--quiet", "--file", folder / "embeddings.sql", address]
    environment = os.environ | {"LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # type: ignore[arg-type]


def fill(address: str, recommender: Recommender, form: str, folder: Path | None) -> None:
    """Fill a database, through a file if there is a folder for it."""
    if folder is None:
        export(recommender, "pgvector", address, form=form)
        return
    export(recommender, "pgvector", folder, form=form)
    done = load_file(address, folder)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("way", ["file", "database"])
@pytest.mark.parametrize("form", FORMS)
def test_the_nearest_are_the_best(database: str, tmp_path: Path, recommender: Recommender, form: str, way: str) -> None:
    """By the operator of the form, SQL finds the ten best items, of all and of those that a user has not seen."""
    fill(database, recommender, form, tmp_path / "o" if way == "file" else None)
    operator = "<#>" if form == "dot" else "<=>"
    assert dict(ask(database, NEAREST.format(condition="", operator=operator))) == best(recommender)
    unseen = dict(ask(database, NEAREST.format(condition=UNSEEN, operator=operator)))
    assert unseen == best(recommender, exclude_seen=True)


@pytest.mark.parametrize("way", ["file", "database"])
def test_every_value_arrives(database: str, tmp_path: Path, way: str) -> None:
    """Ids of all letters, columns as JSON, vectors bit for bit, and what users have come back as they were."""
    recommender = sample(odd=True)
    fill(database, recommender, "dot", tmp_path / "o" if way == "file" else None)
    items = ask(database, "SELECT item_id, attributes, embedding::text FROM llminit_items")
    by_id = {item: (attributes, json.loads(vector)) for item, attributes, vector in items}
    assert recommender.item_table is not None
    expected = recommender.item_table.with_columns(pl.col("since").dt.to_string())
    for row, vector in zip(expected.to_dicts(), arrays(recommender)[1], strict=True):
        attributes, found = by_id.pop(row["item_id"])
        assert attributes == {name: row[name] for name in ("title", "price", "tags", "since")}
        np.testing.assert_array_equal(np.array(found, dtype=np.float32), vector)
    assert by_id == {}
    users = dict(ask(database, "SELECT user_id, embedding::text FROM llminit_users"))
    assert sorted(users) == recommender.users.ids.to_list()
    seen = set(ask(database, "SELECT user_id, item_id FROM llminit_seen"))
    user_codes, item_codes = recommender.seen.nonzero()
    pairs = zip(recommender.users.ids_of(user_codes), recommender.items.ids_of(item_codes), strict=True)
    assert seen == set(pairs)


def test_an_index_can_be_made(database: str, recommender: Recommender) -> None:
    """The tables take pgvector's indexes for both searches."""
    export(recommender, "pgvector", database)
    for kind in ("vector_ip_ops", "vector_cosine_ops"):
        change(database, f"CREATE INDEX ON llminit_items USING hnsw (embedding {kind})")


@pytest.mark.parametrize("way", ["file", "database"])
def test_tables_are_replaced_only_when_asked(database: str, tmp_path: Path, recommender: Recommender, way: str) -> None:
    """A second export is refused and changes nothing; with overwrite it replaces all three tables."""
    export(recommender, "pgvector", database)
    fewer = Recommender(
        Vocabulary(recommender.users.ids[:5], "user"),
        recommender.items,
        DotProduct(arrays(recommender)[0][:5], arrays(recommender)[1]),
        recommender.seen[:5],
    )
    count = "SELECT (SELECT count(*) FROM llminit_users), (SELECT count(DISTINCT user_id) FROM llminit_seen)"
    if way == "file":
        export(fewer, "pgvector", tmp_path / "o")
        done = load_file(database, tmp_path / "o")
        assert done.returncode == 3
        assert 'relation "llminit_items" already exists' in done.stderr
    else:
        with pytest.raises(ConfigError, match=r"has a table \"public\".llminit_items already.*pass overwrite"):
            export(fewer, "pgvector", database)
    assert ask(database, count) == [(30, 30)]
    if way == "file":
        export(fewer, "pgvector", tmp_path / "o", overwrite=True)
        assert load_file(database, tmp_path / "o").returncode == 0
    else:
        export(fewer, "pgvector", database, overwrite=True)
    assert ask(database, count) == [(5, 5)]


def test_a_failure_changes_nothing(database: str, recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last table cannot be filled, the earlier export is still whole, and the message is one line."""
    export(recommender, "pgvector", database)
    twice = Recommender(
        recommender.users, Vocabulary(pl.Series(["i0", "i0", *recommender.items.ids[2:]])), recommender.model,
        recommender.seen,
    )  # fmt: skip
    with pytest.raises(EndpointError, match=r"cannot be written: .*duplicate key.*nothing was changed") as caught:
        export(twice, "pgvector", database, overwrite=True)
    assert "\n" not in str(caught.value)
    assert ask(database, "SELECT count(*) FROM llminit_items WHERE item_id = 'i01'") == [(1,)]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({PASSWORD: "wr0ng"}, EndpointError, "password authentication failed"),
        ({"/shop?": "/nowhere?"}, EndpointError, 'database "nowhere" does not exist'),
        ({"port=": "port=1"}, EndpointError, "cannot be written"),
        ({"port=": "part="}, ConfigError, "percent-encoded"),
    ],
)
def test_addresses_that_do_not_work(
    database: str,
    saved: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    error: type[Exception],
    words: str,
) -> None:
    """A wrong password, database, port or option is one line with what to do, and never shows the password."""
    address = database
    for old, new in change.items():
        address = address.replace(old, new)
    with pytest.raises(error, match=words):
        export(saved, "pgvector", address)
    assert main(["export", str(saved), "--to", "pgvector", "--out", address]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert PASSWORD not in shown.err + shown.out
    assert "wr0ng" not in shown.err + shown.out


def test_another_schema(database: str, recommender: Recommender) -> None:
    """The address may name a schema; tables of the same names in another are neither in the way nor replaced."""
    export(recommender, "pgvector", database)
    change(database, 'CREATE SCHEMA "win""ter"')
    elsewhere = f"{database}&options={quote(f'-csearch_path={quoted(WINTER)},public')}"
    export(recommender, "pgvector", elsewhere)
    change(database, 'DELETE FROM "win""ter".llminit_items')
    export(recommender, "pgvector", elsewhere, overwrite=True)
    change(database, "DELETE FROM llminit_items")
    export(recommender, "pgvector", elsewhere, overwrite=True)
    assert ask(database, "SELECT count(*) FROM llminit_items") == [(0,)]
    assert ask(database, 'SELECT count(*) FROM "win""ter".llminit_items') == [(80,)]
    with pytest.raises(ConfigError, match="schema that does not exist"):
        export(recommender, "pgvector", f"{database}&options=-csearch_path%3Dsummer")


def test_null_characters_are_refused(tmp_path: Path) -> None:
    """PostgreSQL has no place for null characters: the column and a value are named, and nothing is written."""
    recommender = sample()
    assert recommender.item_table is not None
    table = recommender.item_table.with_columns(title=pl.lit("a\0b"))
    with_null = Recommender(recommender.users, recommender.items, recommender.model, recommender.seen, table)
    with pytest.raises(ConfigError, match=r"80 values of the column 'attributes' hold a null character"):
        export(with_null, "pgvector", tmp_path / "o")
    assert list(tmp_path.iterdir()) == []


def test_embeddings_that_are_too_wide(tmp_path: Path) -> None:
    """More columns than a vector can have are refused."""
    wide = DotProduct(np.ones((1, 16001), np.float32), np.ones((2, 16001), np.float32))
    users, items = Vocabulary(pl.Series([1]), "user"), Vocabulary(pl.Series([1, 2]))
    with pytest.raises(ConfigError, match="16001 columns, expected at most 16000"):
        export(Recommender(users, items, wide, sample().seen[:1, :2]), "pgvector", tmp_path / "o")
