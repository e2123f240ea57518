"""PyG: the state dict of `torch_geometric.nn.LightGCN`, as safetensors."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from llminit.export.content import DOT, Content
from llminit.export.tables import write_ids, write_tensors
from llminit.export.target import TARGETS, Target


@TARGETS.register
class PyG(Target):
    """`lightgcn.safetensors` for `LightGCN(num_nodes, embedding_dim, num_layers=0)`, `graph.safetensors` and the ids.

    Nodes are the users, then the items. The embeddings are those that serve, so no layer is to propagate them again:
    with `num_layers=0` the model gives this recommender's scores. To train on with layers, load `embedding.weight`
    alone. `edge_index` holds what users have, in both directions.
    """

    name: ClassVar[str] = "pyg"
    forms: ClassVar[tuple[str, ...]] = (DOT,)
    is_searched: ClassVar[bool] = False

    def write(self, content: Content, folder: Path) -> None:
        """Write the state dict, the graph and the ids."""
        write_tensors(
            folder / "lightgcn.safetensors",
            embedding__weight=np.concatenate([content.users, content.items]),
            alpha=np.ones(1, dtype=np.float32),
        )
        users, items = content.seen.nonzero()
        edges = np.stack([users, items + len(content.users)]).astype(np.int64)
        write_tensors(folder / "graph.safetensors", edge_index=np.concatenate([edges, edges[::-1]], axis=1))
        write_ids(content, folder)

    def details(self, content: Content) -> dict[str, Any]:
        """Return the arguments of the model."""
        n_nodes = len(content.users) + len(content.items)
        return {"num_nodes": n_nodes, "embedding_dim": content.width, "num_layers": 0}
