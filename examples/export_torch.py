"""torch: two `nn.Embedding`s that load their weights without unpickling anything."""

import polars as pl
from safetensors.torch import load_file
from torch import nn

from llminit.export import export

about = export("model", to="torch", out="exported/torch", overwrite=True)
sizes = {"user_embedding": about["n_users"], "item_embedding": about["n_items"]}
module = nn.ModuleDict({name: nn.Embedding(n_rows, about["width"]) for name, n_rows in sizes.items()})
module.load_state_dict(load_file("exported/torch/state_dict.safetensors"))
scores = module["item_embedding"].weight @ module["user_embedding"].weight[0]
users, items = (pl.read_parquet(f"exported/torch/{name}s.parquet")[f"{name}_id"] for name in ("user", "item"))
print(users[0], items.gather(scores.topk(10).indices.numpy()).to_list())
