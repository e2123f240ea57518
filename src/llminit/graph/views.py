"""Randomly thinned copies of the graph, for contrastive learning (SGL, arXiv 2010.10783, section 3.1)."""

import numpy as np

from llminit.arrays import BoolArray
from llminit.errors import ConfigError
from llminit.graph.adjacency import Adjacency, thinned

AUGMENTATIONS = ("edge-drop", "node-drop", "random-walk")


def make_view(
    adjacency: Adjacency, augmentation: str, drop_ratio: float, n_layers: int, rng: np.random.Generator
) -> tuple[Adjacency, ...]:
    """Draw one view: the adjacency to use at each layer.

    Args:
        adjacency: The whole graph.
        augmentation: "edge-drop" (one thinned graph for all layers), "node-drop" (drops all edges of some users and
            items) or "random-walk" (a new edge drop at each layer).
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
    n_edges = len(adjacency.edges[0])
    kept = np.zeros(n_edges, dtype=bool)
    kept[rng.permutation(n_edges)[: int(n_edges * (1 - drop_ratio))]] = True
    return thinned(adjacency, kept)


def _drop_nodes(adjacency: Adjacency, drop_ratio: float, rng: np.random.Generator) -> Adjacency:
    users, items = adjacency.edges
    keep_user, keep_item = (_kept_nodes(count, drop_ratio, rng) for count in (adjacency.n_users, adjacency.n_items))
    return thinned(adjacency, keep_user[users] & keep_item[items])


def _kept_nodes(count: int, drop_ratio: float, rng: np.random.Generator) -> BoolArray:
    kept = np.ones(count, dtype=bool)
    kept[rng.permutation(count)[: int(count * drop_ratio)]] = False
    return kept
