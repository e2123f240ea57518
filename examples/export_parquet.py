"""Parquet: any library reads the two tables; a score is a dot product."""

import polars as pl

from llminit.export import export

export("model", to="parquet", out="exported/parquet", overwrite=True)
users = pl.read_parquet("exported/parquet/users.parquet")
items = pl.read_parquet("exported/parquet/items.parquet")
scores = items["embedding"].to_numpy() @ users["embedding"].to_numpy()[0]
print(users["user_id"][0], items["item_id"].gather((-scores).argsort()[:10]).to_list())
