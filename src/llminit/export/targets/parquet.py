"""Parquet: one table of users, one of items."""

from pathlib import Path
from typing import ClassVar

from llminit.export.content import Content
from llminit.export.tables import ITEMS, write_users
from llminit.export.target import TARGETS, Target


@TARGETS.register
class Parquet(Target):
    """`users.parquet` and `items.parquet`: ids, `embedding`, and the columns of the item table."""

    name: ClassVar[str] = "parquet"

    def write(self, content: Content, folder: Path) -> None:
        """Write both tables."""
        write_users(content, folder)
        content.item_table().write_parquet(folder / ITEMS)
