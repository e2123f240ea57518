"""Randomly thinned copies of the graph, for contrastive learning (SGL, arXiv 2010.10783, section 3.1)."""

import numpy as np

from llminit.errors import ConfigError
from llminit.graph.adjacency import Adjacency, normalized_adjacency

AUGMENTATIONS = ("edge-drop", "node-drop", "random-walk")


def make_view(
    adjacency: Adjacency, augmentation: str, drop_ratio: float, n_layers: int, rng: np.random.Generator
) -> tuple[Adjacency, ...]:
    """Draw one view: the adjacency to use at each layer.

    Args:
        adjacency: The whole graph.
        augmentation: "edge-drop" (one thinned graph for all layers), "node-drop" (the edges of dropped users and
            items go) or "random-walk" (another edge drop at each layer).
        drop_ratio: The share of edges, or of users and of items, that is dropped; in [0, 1).
        n_layers: Number of layers.
        rng: Source of randomness.

    Raises:
        ConfigError: There is no such augmentation.
    """
    if augmentation not in AUGMENTATIONS:
        raise ConfigError(f"unknown augmentation {augmentation!r}; choose one of: {', '.join(AUGMENTATIONS)}")
    if augmentation == "random-walk":
        return tuple(_drop_edges(adjacency, drop_ratio, rng) for _ in range(n_layers))
    drop = _drop_nodes if augmentation == "node-drop" else _drop_edges
    return (drop(adjacency, drop_ratio, rng),) * n_layers


def _drop_edges(adjacency: Adjacency, drop_ratio: float, rng: np.random.Generator) -> Adjacency:
    users, items = adjacency.edges
    kept = rng.permutation(len(users))[: int(len(users) * (1 - drop_ratio))]
    return normalized_adjacency(users[kept], items[kept], adjacency.n_users, adjacency.n_items)


def _drop_nodes(adjacency: Adjacency, drop_ratio: float, rng: np.random.Generator) -> Adjacency:
    users, items = adjacency.edges
    keep_user = np.ones(adjacency.n_users, dtype=bool)
    keep_user[rng.permutation(adjacency.n_users)[: int(adjacency.n_users * drop_ratio)]] = False
    keep_item = np.ones(adjacency.n_items, dtype=bool)
    keep_item[rng.permutation(adjacency.n_items)[: int(adjacency.n_items * drop_ratio)]] = False
    kept = keep_user[users] & keep_item[items]
    return normalized_adjacency(users[kept], items[kept], adjacency.n_users, adjacency.n_items)
