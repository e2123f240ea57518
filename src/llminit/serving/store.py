"""What a server was told, in SQLite: an acknowledged change survives a kill of the process and a loss of power.

    items(item_id, columns, embedding, recipe)      that were added; the columns as JSON, the text embedding as float32
    removed(item_id)
    interactions(seq, user_id, item_id, rating, timestamp)
    settings(name, value)

Ids are kept as text, which a recommender takes for its own ids of any type. One server at a time holds the file.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from llminit.errors import ConfigError, StorageError
from llminit.locks import exclusive_lock
from llminit.serving.changes import Change, ExposureSet, InteractionsAdded, ItemsAdded, ItemsRemoved, StoredText

LAYOUT_VERSION = 1
_APPLICATION_ID = 0x4C4C4D49  # "LLMI": says whose file this is, also to file(1)
_TABLES = """
CREATE TABLE items (
    item_id TEXT PRIMARY KEY, columns TEXT NOT NULL, embedding BLOB NOT NULL, recipe TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE removed (item_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE interactions (
    seq INTEGER PRIMARY KEY, user_id TEXT NOT NULL, item_id TEXT NOT NULL, rating REAL, timestamp REAL NOT NULL
);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Stored:
    """All that a store holds, as changes that make it again in this order."""

    items: ItemsAdded
    interactions: InteractionsAdded
    removed: ItemsRemoved
    exposure: ExposureSet | None


class Store:
    """The file; made by `Store.open`. Its methods are called by one thread at a time, `interactions_after` by any."""

    def __init__(self, path: Path, connection: sqlite3.Connection, closing: ExitStack) -> None:
        self.path = path
        self._connection, self._closing = connection, closing
        self.n_items, self.n_removed, self.n_interactions = map(self._count, ("items", "removed", "interactions"))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create a file, and keep others out until it is closed or the process ends.

        Raises:
            StorageError: Another server has it, it cannot be written, or it is damaged.
            ConfigError: It is something else, or of a newer version.
        """
        with ExitStack() as closing:
            refusal = (
                f"another server has the state {path} open, expected one at a time; stop that one, or name another "
                "state for this one"
            )
            closing.enter_context(exclusive_lock(path.with_name(f"{path.name}.lock"), refusal))
            with _explained(path):
                connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                closing.callback(connection.close)
                _prepare(connection, path)
                return cls(path, connection, closing.pop_all())

    def write(self, changes: Sequence[Change]) -> None:
        """Store changes, all or none; when this returns they are on the disk.

        Raises:
            StorageError: They cannot be stored, and nothing was.
        """
        with _explained(self.path):
            with self._transaction():
                for change in changes:
                    self._write(change)
            if any(not isinstance(change, InteractionsAdded) for change in changes):
                self.n_items, self.n_removed = self._count("items"), self._count("removed")
        self.n_interactions += sum(len(each.rows) for each in changes if isinstance(each, InteractionsAdded))

    def contents(self) -> Stored:
        """Return everything.

        Raises:
            StorageError: It cannot be read.
        """
        with _explained(self.path):
            rows, texts = [], {}
            for item_id, columns, embedding, recipe in self._connection.execute("SELECT * FROM items"):
                rows.append({"item_id": item_id} | json.loads(columns))
                texts[item_id] = StoredText(np.frombuffer(embedding, dtype="<f4"), recipe)
            interactions = self._connection.execute(
                "SELECT user_id, item_id, rating, timestamp FROM interactions ORDER BY seq"
            )
            names = ("user_id", "item_id", "rating", "timestamp")
            exposure = self._connection.execute("SELECT value FROM settings WHERE name = 'exposure'").fetchone()
            return Stored(
                ItemsAdded(rows, texts),
                InteractionsAdded([dict(zip(names, row, strict=True)) for row in interactions]),
                ItemsRemoved([row[0] for row in self._connection.execute("SELECT item_id FROM removed")]),
                None if exposure is None else ExposureSet(float(exposure[0])),
            )

    def interactions_after(self, seq: int, most: int) -> list[dict[str, Any]]:
        """Return interactions in the order in which they came, each with its number, after one number.

        Raises:
            StorageError: They cannot be read.
        """
        with _explained(self.path):
            reader = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                rows = reader.execute(
                    "SELECT seq, user_id, item_id, rating, timestamp FROM interactions WHERE seq > ? ORDER BY seq "
                    "LIMIT ?",
                    (seq, most),
                ).fetchall()
            finally:
                reader.close()
        return [dict(zip(("seq", "user_id", "item_id", "rating", "timestamp"), row, strict=True)) for row in rows]

    def close(self) -> None:
        """Close the file and let others have it."""
        self._closing.close()

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # Where the disk is full, SQLite has rolled back itself.
                self._connection.execute("ROLLBACK")
            raise

    def _write(self, change: Change) -> None:
        run = self._connection.executemany
        if isinstance(change, ItemsAdded):
            # One without a text embedding is of the fit: it had been removed, and is back as it was.
            rows = [_item_row(row, change.texts) for row in change.rows if str(row["item_id"]) in change.texts]
            run("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", rows)
            run("DELETE FROM removed WHERE item_id = ?", [(str(row["item_id"]),) for row in change.rows])
        elif isinstance(change, ItemsRemoved):
            run("INSERT OR REPLACE INTO removed VALUES (?)", [(str(item_id),) for item_id in change.item_ids])
        elif isinstance(change, InteractionsAdded):
            now = time.time()
            added = [_interaction_row(row, now) for row in change.rows]
            run("INSERT INTO interactions (user_id, item_id, rating, timestamp) VALUES (?, ?, ?, ?)", added)
        else:
            run("INSERT OR REPLACE INTO settings VALUES ('exposure', ?)", [(repr(change.exposure),)])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check whose file it is, and make its tables if it is new.

    Raises:
        ConfigError: It is something else, or of a newer version.
    """
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    is_new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if owner != _APPLICATION_ID and not is_new:
        raise ConfigError(f"{path} is a database of something else, expected a server's state; name another file")
    if version > LAYOUT_VERSION:
        raise ConfigError(
            f"{path} has layout version {version}, this llminit reads up to {LAYOUT_VERSION}; upgrade it: "
            "pip install --upgrade llminit"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    # Each commit waits until the disk has it: without this a loss of power could undo what was acknowledged.
    connection.execute("PRAGMA synchronous = FULL")
    if is_new:
        pragmas = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {LAYOUT_VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {pragmas} COMMIT;")


def _item_row(row: Mapping[str, Any], texts: Mapping[str, StoredText]) -> tuple[str, str, bytes, str]:
    columns = {name: value for name, value in row.items() if name != "item_id"}
    text = texts[str(row["item_id"])]
    return str(row["item_id"]), json.dumps(columns), text.values.astype("<f4").tobytes(), text.recipe


def _interaction_row(row: Mapping[str, Any], now: float) -> tuple[str, str, float | None, float]:
    timestamp = row.get("timestamp")
    return str(row["user_id"]), str(row["item_id"]), row.get("rating"), now if timestamp is None else timestamp


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into errors that say what to do."""
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        if isinstance(error, StorageError | ConfigError):
            raise
        code = getattr(error, "sqlite_errorname", "")
        if isinstance(error, sqlite3.DatabaseError) and code in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
            advice = "restore it from a copy, or name another file"
        else:
            advice = "free some space, check the permissions, or name another file; nothing was stored"
        raise StorageError(f"cannot use the state {path}: {error}; {advice}") from error
