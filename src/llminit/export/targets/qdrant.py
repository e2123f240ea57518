"""Qdrant: a collection of items, as its client keeps it without a server."""

import json
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from llminit.export.content import DOT, Content
from llminit.export.tables import json_rows, write_users
from llminit.export.target import TARGETS, Client, Target

_POINTS_AT_ONCE = 1000


@TARGETS.register
class Qdrant(Target):
    """The folder of `QdrantClient(path=...)` with the collection `items`; the queries in `users.parquet`.

    A point's id is its row number, its payload the item's id and columns. `client.migrate(QdrantClient(url=...))`
    copies all to a server. The client keeps points pickled, in a format of its own: open folders that you trust.
    """

    name: ClassVar[str] = "qdrant"
    client: ClassVar[Client | None] = Client("qdrant_client", "qdrant-client")
    failures: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)

    def write(self, content: Content, folder: Path) -> None:
        """Write the collection and the users."""
        from qdrant_client import QdrantClient
        from qdrant_client.models import Distance, PointStruct, VectorParams

        distance = Distance.DOT if content.form == DOT else Distance.COSINE
        client = QdrantClient(path=str(folder))
        try:
            client.create_collection("items", vectors_config=VectorParams(size=content.width, distance=distance))
            payloads = _payloads(content)
            for start in range(0, len(payloads), _POINTS_AT_ONCE):
                rows = range(start, min(start + _POINTS_AT_ONCE, len(payloads)))
                points = [
                    PointStruct(id=row, vector=content.items[row].tolist(), payload=payloads[row]) for row in rows
                ]
                client.upsert("items", points)
        finally:
            client.close()
        write_users(content, folder)


def _payloads(content: Content) -> list[dict[str, Any]]:
    """Return the item's id and columns, with values that JSON has."""
    table = pl.DataFrame([content.item_ids, *content.item_columns])
    return [json.loads(text) for text in json_rows(table)]
