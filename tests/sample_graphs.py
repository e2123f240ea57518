"""Small interaction graphs and embeddings that tests of several folders use."""

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.graph import Adjacency, normalized_adjacency


def random_pairs(rng: np.random.Generator, n_users: int, n_items: int, n_pairs: int) -> tuple[IntArray, IntArray]:
    """Draw distinct (user, item) pairs; the last user and the last item have none."""
    cells = rng.permutation((n_users - 1) * (n_items - 1))[:n_pairs]
    return np.divmod(cells, n_items - 1)


def small_graph(seed: int = 0, n_users: int = 7, n_items: int = 9, n_pairs: int = 24) -> Adjacency:
    """Build a graph with an isolated user and an isolated item."""
    users, items = random_pairs(np.random.default_rng(seed), n_users, n_items, n_pairs)
    return normalized_adjacency(users, items, n_users, n_items)


def pairs_of(adjacency: Adjacency) -> list[tuple[int, int]]:
    """List a graph's (user, item) pairs."""
    return list(zip(*(codes.tolist() for codes in adjacency.edges), strict=True))


def vectors(rng: np.random.Generator, *shape: int, scale: float = 0.3) -> FloatArray:
    """Draw float32 normal numbers."""
    return rng.normal(scale=scale, size=shape).astype(np.float32)
