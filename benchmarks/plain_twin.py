"""The backbones in plain autograd: slow, obvious, and the same mathematics.

COO matrix products, layers stacked and averaged, losses as in the papers' formulas, torch's default Adam: a
straightforward implementation, like RecBole's LightGCN. Nothing of LLMInit is used.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

Codes = np.ndarray[tuple[int], np.dtype[np.int64]]
REG_WEIGHT, SSL_WEIGHT, TAU, DROP_RATIO = 1e-5, 0.05, 0.2, 0.1


def adjacency(users: Codes, items: Codes, n_users: int, n_items: int) -> torch.Tensor:
    """Return D^-1/2 A D^-1/2 as a COO tensor of shape (n_nodes, n_nodes); users come first."""
    n_nodes = n_users + n_items
    rows = torch.from_numpy(np.concatenate([users, items + n_users]))
    columns = torch.from_numpy(np.concatenate([items + n_users, users]))
    scale = (torch.bincount(rows, minlength=n_nodes) + 1e-7) ** -0.5
    values = (scale[rows] * scale[columns]).float()
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (n_nodes, n_nodes)).coalesce()


def propagate(embeddings: torch.Tensor, matrix: torch.Tensor, n_layers: int) -> torch.Tensor:
    """Average the embeddings of layers 0 to n_layers."""
    layers = [embeddings]
    for _ in range(n_layers):
        layers.append(torch.sparse.mm(matrix, layers[-1]))
    return torch.stack(layers, dim=1).mean(dim=1)


@dataclass
class Twin:
    """A backbone with its data and optimiser.

    Attributes:
        name: mf, lightgcn, sgl or sgcl.
        users: Training interactions' user codes.
        items: Their item codes.
        n_users: Number of users.
        n_items: Number of items.
        embeddings: float32 of shape (n_nodes, d).
        n_layers: Propagation layers; mf has none.
    """

    name: str
    users: Codes
    items: Codes
    n_users: int
    n_items: int
    embeddings: torch.Tensor
    n_layers: int = 2
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self) -> None:
        """Build the graph and the optimiser."""
        self.embeddings = self.embeddings.clone().requires_grad_()
        self.graph = adjacency(self.users, self.items, self.n_users, self.n_items)
        self.optimizer = torch.optim.Adam([self.embeddings], lr=1e-3)
        self.seen = np.sort(self.users * self.n_items + self.items)

    def epoch(self, batch_size: int) -> float:
        """Train one epoch and return the mean loss of a batch."""
        order = self.rng.permutation(len(self.users))
        users, positives = self.users[order], self.items[order]
        nodes = (users, positives + self.n_users, self.negatives(users) + self.n_users)
        batches = list(zip(*(torch.from_numpy(part).split(batch_size) for part in nodes), strict=True))
        if self.name == "sgl":
            self.views = [self.thinned(), self.thinned()]
        total = 0.0
        for batch in batches:
            self.optimizer.zero_grad()
            loss = LOSSES[self.name](self, *batch)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(batches)

    def negatives(self, users: Codes) -> Codes:
        """Draw one item for each of `users` that the user has not seen."""
        items = self.rng.integers(0, self.n_items, size=len(users))
        pending = np.arange(len(users))
        while pending.size:
            pending = pending[np.isin(users[pending] * self.n_items + items[pending], self.seen)]
            items[pending] = self.rng.integers(0, self.n_items, size=pending.size)
        return items

    def thinned(self) -> torch.Tensor:
        """Return the graph with a share of its edges dropped."""
        kept = self.rng.permutation(len(self.users))[: int(len(self.users) * (1 - DROP_RATIO))]
        return adjacency(self.users[kept], self.items[kept], self.n_users, self.n_items)

    def norm(self, *rows: torch.Tensor) -> torch.Tensor:
        """Return the sum of the rows' un-squared norms over the batch size."""
        total: torch.Tensor = sum(torch.linalg.vector_norm(self.embeddings[part]) for part in rows)
        return total / len(rows[-1])


def mf_loss(twin: Twin, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return BPR of the embeddings themselves."""
    return _bpr(twin.embeddings, users, positives, negatives).mean()


def lightgcn_loss(twin: Twin, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return BPR of the propagated embeddings, plus the norm."""
    final = propagate(twin.embeddings, twin.graph, twin.n_layers)
    return _bpr(final, users, positives, negatives).mean() + REG_WEIGHT * twin.norm(users, positives, negatives)


def sgl_loss(twin: Twin, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the BPR sum, plus the norm, plus InfoNCE between two thinned graphs against all users and all items."""
    final = propagate(twin.embeddings, twin.graph, twin.n_layers)
    first, second = (F.normalize(propagate(twin.embeddings, view, twin.n_layers), dim=1) for view in twin.views)
    contrast = _info_nce(first[users], second[users], second[: twin.n_users])
    contrast = contrast + _info_nce(first[positives], second[positives], second[twin.n_users :])
    loss = _bpr(final, users, positives, negatives).sum() + SSL_WEIGHT * contrast
    return loss + REG_WEIGHT * twin.norm(users, positives, negatives)


def sgcl_loss(twin: Twin, users: torch.Tensor, positives: torch.Tensor, _negatives: torch.Tensor) -> torch.Tensor:
    """Return -sum log(exp(u.i / tau) / (sum exp(u.u' / tau) + sum exp(i.i' / tau))) over the batch."""
    final = propagate(twin.embeddings, twin.graph, twin.n_layers)
    user_rows, item_rows = F.normalize(final[users], dim=1), F.normalize(final[positives], dim=1)
    above = torch.exp((user_rows * item_rows).sum(dim=1) / TAU)
    among_users, among_items = (torch.exp(part @ part.T / TAU).sum(dim=1) for part in (user_rows, item_rows))
    return -torch.log(above / (among_users + among_items)).sum()


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "mf": mf_loss,
    "lightgcn": lightgcn_loss,
    "sgl": sgl_loss,
    "sgcl": sgcl_loss,
}


def _bpr(final: torch.Tensor, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    above, below = ((final[users] * final[items]).sum(dim=1) for items in (positives, negatives))
    return -torch.log(1e-10 + torch.sigmoid(above - below))


def _info_nce(anchors: torch.Tensor, matches: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    above = torch.exp((anchors * matches).sum(dim=1) / TAU)
    below = torch.exp(anchors @ candidates.T / TAU).sum(dim=1)
    return -torch.log(above / below).sum()
