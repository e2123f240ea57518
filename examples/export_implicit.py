"""implicit: its ALS loads the factors, and leaves out what a user has."""

import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import load_npz

from llminit.export import export

export("model", to="implicit", out="exported/implicit", overwrite=True)
model = AlternatingLeastSquares.load("exported/implicit/model.npz")
seen = load_npz("exported/implicit/seen.npz")
best, scores = model.recommend(0, seen[0], N=10, filter_already_liked_items=True)
users, items = (pl.read_parquet(f"exported/implicit/{name}s.parquet")[f"{name}_id"] for name in ("user", "item"))
print(users[0], items.gather(best).to_list())
