"""safetensors: both tables in one file, for any framework; ids are beside it."""

import polars as pl
from safetensors.numpy import load_file

from llminit.export import export

export("model", to="safetensors", out="exported/safetensors", overwrite=True)
tensors = load_file("exported/safetensors/embeddings.safetensors")
ids = {name: pl.read_parquet(f"exported/safetensors/{name}s.parquet")[f"{name}_id"] for name in ("user", "item")}
best = (-(tensors["items"] @ tensors["users"][0])).argsort()[:10]
print(ids["user"][0], ids["item"].gather(best).to_list())
