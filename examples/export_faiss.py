"""faiss: an exact index of the items, searched by dot product."""

import faiss
import polars as pl

from llminit.export import export

export("model", to="faiss", out="exported/faiss", overwrite=True)
index = faiss.read_index("exported/faiss/items.faiss")
users, items = (pl.read_parquet(f"exported/faiss/{name}.parquet") for name in ("users", "items"))
scores, rows = index.search(users["embedding"].to_numpy()[:1], 10)
print(users["user_id"][0], items["item_id"].gather(rows[0]).to_list())
