"""PyG's LightGCN, trained as in its documentation: edges as `edge_index`, messages gathered and scattered.

Without the compiled extensions (torch_sparse, torch_scatter) PyG normalises the edges again in each call and makes one
message for each edge and layer, a tensor of shape (n_edges, d).
"""

import numpy as np
import torch
from torch_geometric.nn.models import LightGCN

from plain_twin import REG_WEIGHT, Twin


class PyGLightGCN:
    """LightGCN of torch_geometric on a twin's data and from its initial embeddings."""

    def __init__(self, twin: Twin) -> None:
        """Copy the twin's data and initial embeddings."""
        self.twin = twin
        width = twin.embeddings.shape[1]
        self.model = LightGCN(twin.n_users + twin.n_items, width, twin.n_layers)
        with torch.no_grad():
            self.model.embedding.weight.copy_(twin.embeddings)
        edges = torch.from_numpy(np.stack([twin.users, twin.items + twin.n_users]))
        self.edges = torch.cat([edges, edges.flip(0)], dim=1)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def epoch(self, batch_size: int) -> float:
        """Train one epoch and return the mean loss of a batch."""
        twin = self.twin
        order = twin.rng.permutation(len(twin.users))
        users, positives = twin.users[order], twin.items[order]
        nodes = (users, positives + twin.n_users, twin.negatives(users) + twin.n_users)
        batches = list(zip(*(torch.from_numpy(part).split(batch_size) for part in nodes), strict=True))
        total = 0.0
        for batch in batches:
            self.optimizer.zero_grad()
            loss = self._loss(*batch)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(batches)

    def _loss(self, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        pairs = torch.stack([users.repeat(2), torch.cat([positives, negatives])])
        above, below = self.model(self.edges, pairs).chunk(2)
        loss: torch.Tensor = self.model.recommendation_loss(above, below, node_id=pairs.unique(), lambda_reg=REG_WEIGHT)
        return loss
