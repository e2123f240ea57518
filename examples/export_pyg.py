"""PyG: its LightGCN, without layers, since the embeddings that serve are already propagated."""

import polars as pl
import torch
from safetensors.torch import load_file
from torch_geometric.nn import LightGCN

from llminit.export import export

about = export("model", to="pyg", out="exported/pyg", overwrite=True)
model = LightGCN(about["num_nodes"], about["embedding_dim"], num_layers=0)
model.load_state_dict(load_file("exported/pyg/lightgcn.safetensors"))
edges, items = (
    load_file("exported/pyg/graph.safetensors")["edge_index"],
    torch.arange(about["n_users"], model.num_nodes),
)
best = model.recommend(edges, src_index=torch.tensor([0]), dst_index=items, k=10)[0] - about["n_users"]
user_ids, item_ids = (pl.read_parquet(f"exported/pyg/{name}s.parquet")[f"{name}_id"] for name in ("user", "item"))
print(user_ids[0], item_ids.gather(best.numpy()).to_list())
