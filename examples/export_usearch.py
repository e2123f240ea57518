"""usearch: an index of the items; its distance is 1 less the dot product."""

import polars as pl
from usearch.index import Index

from llminit.export import export

export("model", to="usearch", out="exported/usearch", overwrite=True)
index = Index.restore("exported/usearch/items.usearch")
users, items = (pl.read_parquet(f"exported/usearch/{name}.parquet") for name in ("users", "items"))
found = index.search(users["embedding"].to_numpy()[0], 10)  # approximate; exact=True compares with every item
print(users["user_id"][0], items["item_id"].gather(found.keys.astype(int)).to_list())
