"""A recommender as tables of PostgreSQL: how they are created, and their rows as COPY reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, listed
from llminit.export.content import EMBEDDING, Content
from llminit.export.tables import as_text, joined, json_rows

NAMES = ("llminit_items", "llminit_users", "llminit_seen")
EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"

_WIDEST = 16_000
"""Columns of a `vector`; an index takes 2000."""
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: With its schema, where one is known.
        create: The statement that creates it.
        copy: The statement that its rows follow.
        texts: Its rows, all columns as text; null where the database is to have none.
    """

    name: str
    create: str
    copy: str
    texts: pl.DataFrame

    def rows(self) -> Iterator[str]:
        """Yield rows in COPY's text format, some thousand at a time."""
        for part in self.texts.iter_slices(_ROWS_AT_ONCE):
            escaped = part.select(_escaped(name) for name in part.columns)
            yield escaped.write_csv(include_header=False, separator="\t", quote_style="never", null_value="\\N")


def tables_of(content: Content, schema: str | None = None) -> list[Table]:
    """Return the tables of items, users, and of what users have.

    Args:
        content: What they hold.
        schema: Where they are; None leaves that to the database.

    Raises:
        ConfigError: The embeddings are too wide, or a text holds a null character.
    """
    if content.width > _WIDEST:
        raise ConfigError(
            f"the embeddings have {content.width} columns, expected at most {_WIDEST} for pgvector; fit again with "
            "embedding_size=512, or choose another target"
        )
    users, items = (_checked(as_text(ids)) for ids in (content.user_ids, content.item_ids))
    attributes = pl.Series("attributes", ["{}"] * len(items))
    if content.item_columns.columns:
        attributes = _checked(json_rows(content.item_columns).alias("attributes"), written="\\u0000")
    user_codes, item_codes = content.seen.nonzero()
    user_type, item_type = _type(content.user_ids), _type(content.item_ids)
    vector = f"embedding vector({content.width}) NOT NULL"
    names = [name if schema is None else f"{quoted(schema)}.{name}" for name in NAMES]
    return [
        _table(
            names[0],
            f"item_id {item_type} PRIMARY KEY, attributes jsonb NOT NULL, {vector}",
            pl.DataFrame([items, attributes, _vectors(content.items)]),
        ),
        _table(
            names[1],
            f"user_id {user_type} PRIMARY KEY, {vector}",
            pl.DataFrame([users, _vectors(content.users)]),
        ),
        _table(
            names[2],
            f"user_id {user_type}, item_id {item_type}, PRIMARY KEY (user_id, item_id)",
            pl.DataFrame([users.gather(user_codes), items.gather(item_codes)]),
        ),
    ]


def created(tables: Sequence[Table], *, overwrite: bool) -> list[str]:
    """Return the statements that make the tables, and drop those of the same names if they may be replaced."""
    drop = f"DROP TABLE IF EXISTS {', '.join(table.name for table in tables)}"
    return [EXTENSION, *([drop] if overwrite else []), *(table.create for table in tables)]


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'


def _table(name: str, columns: str, texts: pl.DataFrame) -> Table:
    create, copy = f"CREATE TABLE {name} ({columns})", f"COPY {name} ({', '.join(texts.columns)}) FROM stdin"
    return Table(name, create, copy, texts)


def _type(ids: pl.Series) -> str:
    if ids.dtype.is_integer():
        return "numeric(20)" if ids.dtype == pl.UInt64 else "bigint"
    if ids.dtype.is_float():
        return "double precision"
    if ids.dtype.is_temporal():
        return "date" if ids.dtype == pl.Date else "timestamp"
    return "text"


def _vectors(rows: FloatArray) -> pl.Series:
    return ("[" + joined(rows, ",") + "]").alias(EMBEDDING)


def _escaped(name: str) -> pl.Expr:
    """Escape what COPY's text format gives a meaning: the backslash first, then the ends of columns and rows."""
    column = pl.col(name)
    for letter, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        column = column.str.replace_all(letter, escape, literal=True)
    return column


def _checked(texts: pl.Series, written: str = "\0") -> pl.Series:
    """Check that no text holds a null character.

    Raises:
        ConfigError: One does.
    """
    found = texts.filter(texts.str.contains(written, literal=True))
    if len(found):
        raise ConfigError(
            f"{len(found)} values of the column {texts.name!r} hold a null character, such as {listed(found[:1])}, "
            "which PostgreSQL has no place for; take it out and fit again, or choose another target"
        )
    return texts
