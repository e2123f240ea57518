"""Small interaction graphs and embeddings that tests of several folders use."""

import numpy as np

from llminit.graph import normalized_adjacency


def random_pairs(rng, n_users, n_items, n_pairs):
    """Draw distinct (user, item) pairs; the last user and the last item stay without any."""
    cells = rng.permutation((n_users - 1) * (n_items - 1))[:n_pairs]
    return np.divmod(cells, n_items - 1)


def small_graph(seed=0, n_users=7, n_items=9, n_pairs=24):
    """Build a graph with an isolated user and an isolated item."""
    users, items = random_pairs(np.random.default_rng(seed), n_users, n_items, n_pairs)
    return normalized_adjacency(users, items, n_users, n_items)


def pairs_of(adjacency):
    """List a graph's (user, item) pairs."""
    return list(zip(*(codes.tolist() for codes in adjacency.edges), strict=True))


def vectors(rng, *shape, scale=0.3):
    """Draw float32 normal numbers."""
    return rng.normal(scale=scale, size=shape).astype(np.float32)
