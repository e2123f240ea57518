"""Qdrant: a collection in a folder; `client.migrate(QdrantClient(url=...))` copies it to a server."""

import polars as pl
from qdrant_client import QdrantClient

from llminit.export import export

export("model", to="qdrant", out="exported/qdrant", overwrite=True)
client = QdrantClient(path="exported/qdrant")
users = pl.read_parquet("exported/qdrant/users.parquet")
found = client.query_points("items", query=users["embedding"][0].to_list(), limit=10)
print(users["user_id"][0], [point.payload["item_id"] for point in found.points])
client.close()
