"""LanceDB: a database with a table of items and one of users."""

from pathlib import Path
from typing import Any, ClassVar

from llminit.export.content import DOT, Content
from llminit.export.target import TARGETS, Client, Target


@TARGETS.register
class LanceDB(Target):
    """A database with the tables `items`, with the item table's columns, and `users`.

    `search(user, vector_column_name="embedding").distance_type("dot")`, or "cosine" in that form: without an index, the
    table does not keep its distance.
    """

    name: ClassVar[str] = "lancedb"
    client: ClassVar[Client | None] = Client("lancedb", "lancedb")
    failures: ClassVar[tuple[type[Exception], ...]] = (RuntimeError, ValueError)

    def write(self, content: Content, folder: Path) -> None:
        """Write both tables."""
        import lancedb

        database = lancedb.connect(str(folder))
        database.create_table("items", content.item_table().to_arrow())
        database.create_table("users", content.user_table().to_arrow())

    def details(self, content: Content) -> dict[str, Any]:
        """Return what `distance_type` takes."""
        return {"distance_type": "dot" if content.form == DOT else "cosine"}
