"""A store that knows cosine alone, here a collection of Qdrant: one column more keeps the model's order."""

import polars as pl
from qdrant_client import QdrantClient

from llminit.export import export

export("model", to="qdrant", out="exported/cosine", form="cosine", overwrite=True)
client = QdrantClient(path="exported/cosine")
users = pl.read_parquet("exported/cosine/users.parquet")
found = client.query_points("items", query=users["embedding"][0].to_list(), limit=10)
print(users["user_id"][0], [point.payload["item_id"] for point in found.points])
client.close()
