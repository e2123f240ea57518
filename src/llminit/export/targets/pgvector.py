"""pgvector: tables of PostgreSQL, as a file for `psql` or straight into a database."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from llminit.errors import ConfigError, EndpointError
from llminit.export.content import Content
from llminit.export.sql import Table, created, tables_of
from llminit.export.target import TARGETS, Client, Target

if TYPE_CHECKING:
    import psycopg


@TARGETS.register
class Pgvector(Target):
    """The tables `llminit_items`, `llminit_users` and `llminit_seen`, in `embeddings.sql` or in a database.

    `psql --file embeddings.sql` loads the file, all or nothing. `out="postgresql://..."` writes to the database itself,
    in one transaction. Order by `embedding <#> user` (the dot product, negative), in the form "cosine" by `<=>`.
    """

    name: ClassVar[str] = "pgvector"
    schemes: ClassVar[tuple[str, ...]] = ("postgresql://", "postgres://")

    def needed_client(self, address: str | None) -> Client | None:
        """Return the library that a database needs; the file needs none."""
        return None if address is None else Client("psycopg", "psycopg[binary]")

    def write(self, content: Content, folder: Path) -> None:
        """Write the file."""
        with (folder / "embeddings.sql").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_script(tables_of(content), overwrite=self.overwrite))

    def send(self, content: Content, address: str) -> None:
        """Write to a database.

        Raises:
            ConfigError: The address is not one, or the tables are there and may not be replaced.
            EndpointError: The database cannot be reached, or refuses.
        """
        import psycopg

        try:
            with psycopg.connect(**_parameters(address)) as connection, connection.cursor() as cursor:
                tables = tables_of(content, _schema(cursor))
                if not self.overwrite:
                    _check_free(cursor, tables)
                for statement in created(tables, overwrite=self.overwrite):
                    cursor.execute(statement.encode())
                for table in tables:
                    with cursor.copy(table.copy.encode()) as copy:
                        for rows in table.rows():
                            copy.write(rows)
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise EndpointError(
                f"the database cannot be written: {reason}; nothing was changed there. Check the address, that "
                "pgvector is installed on the server, and that you may create tables and the extension 'vector'"
            ) from error


def _parameters(address: str) -> dict[str, Any]:
    """Return what an address says; neither it nor an error about it is shown, since there may be a password in it.

    Raises:
        ConfigError: It cannot be read.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {"connect_timeout": 10, **conninfo_to_dict(address)}
    except ProgrammingError:
        raise ConfigError(
            "the address of the database cannot be read; expected postgresql://USER:PASSWORD@HOST:PORT/NAME, with the "
            "password's special letters percent-encoded: correct it"
        ) from None


def _schema(cursor: "psycopg.Cursor[Any]") -> str:
    """Return where the tables go: the first schema of the search path. A later one may hold tables of the same names.

    Raises:
        ConfigError: The search path names none that exists.
    """
    cursor.execute("SELECT current_schema()")
    (schema,) = cursor.fetchone() or (None,)
    if schema is None:
        raise ConfigError("the address names a schema that does not exist; create it, or name another")
    return str(schema)


def _check_free(cursor: "psycopg.Cursor[Any]", tables: list[Table]) -> None:
    for table in tables:
        cursor.execute("SELECT to_regclass(%s)", (table.name,))
        if cursor.fetchone() != (None,):
            raise ConfigError(
                f"the database has a table {table.name} already, expected none; pass overwrite to replace it, or "
                "choose another schema, by ?options=-csearch_path%3DNAME,public at the end of the address"
            )


def _script(tables: list[Table], *, overwrite: bool) -> Iterator[str]:
    yield "\\set ON_ERROR_STOP on\nBEGIN;\n"
    for statement in created(tables, overwrite=overwrite):
        yield f"{statement};\n"
    for table in tables:
        yield f"{table.copy};\n"
        yield from table.rows()
        yield "\\.\n"
    yield "COMMIT;\n"
