"""Randomly thinned graphs."""

import numpy as np
import pytest
import torch

import oracles
from llminit.errors import ConfigError
from llminit.graph import AUGMENTATIONS, Adjacency, make_view, normalized_adjacency
from sample_graphs import pairs_of, small_graph

RATIOS = [0.0, 0.1, 0.3, 0.9]


def graph() -> Adjacency:
    return small_graph(2, 21, 31, 137)


def view(augmentation: str, ratio: float, n_layers: int = 2, seed: int = 0) -> tuple[Adjacency, ...]:
    return make_view(graph(), augmentation, ratio, n_layers, np.random.default_rng(seed))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("augmentation", ["edge-drop", "random-walk"])
def test_edge_drop_keeps_the_stated_number(augmentation: str, ratio: float) -> None:
    """Each layer keeps int(n * (1 - ratio)) interactions of the graph."""
    for layer in view(augmentation, ratio):
        assert len(pairs_of(layer)) == int(137 * (1 - ratio))
        assert set(pairs_of(layer)) <= set(pairs_of(graph()))


@pytest.mark.parametrize("ratio", RATIOS)
def test_node_drop_drops_all_edges_of_the_stated_number_of_nodes(ratio: float) -> None:
    """All interactions of int(n * ratio) users and of as many items are dropped, and no others.

    A complete graph stays complete on the nodes that are left, so that its edges show which nodes these are.
    """
    users, items = np.divmod(np.arange(21 * 31), 31)
    complete = normalized_adjacency(users, items, 21, 31)
    left = pairs_of(make_view(complete, "node-drop", ratio, 2, np.random.default_rng(0))[0])
    users_left, items_left = {user for user, _ in left}, {item for _, item in left}
    assert len(users_left) == 21 - int(21 * ratio)
    assert len(items_left) == 31 - int(31 * ratio)
    assert len(left) == len(users_left) * len(items_left)


def test_layers_share_one_graph_except_in_random_walk() -> None:
    """Edge and node drop draw one graph for all layers, random walk a new one for each layer."""
    assert len(set(view("edge-drop", 0.3, 3))) == 1
    assert len(set(view("node-drop", 0.3, 3))) == 1
    walk = view("random-walk", 0.3, 3)
    assert len({tuple(pairs_of(layer)) for layer in walk}) == 3


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_is_normalised_by_the_remaining_degrees(augmentation: str) -> None:
    """A thinned graph is normalised by the remaining degrees and keeps all nodes."""
    for layer in view(augmentation, 0.4):
        found = layer.torch_csr(torch.device("cpu")).to_dense()
        oracles.assert_close(found, oracles.dense_adjacency(pairs_of(layer), 21, 31), 1e-6)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_is_seeded(augmentation: str) -> None:
    """The same generator state gives the same view, another seed a different one."""
    assert pairs_of(view(augmentation, 0.3)[-1]) == pairs_of(view(augmentation, 0.3)[-1])
    assert pairs_of(view(augmentation, 0.3)[-1]) != pairs_of(view(augmentation, 0.3, seed=1)[-1])


def test_edges_are_dropped_evenly() -> None:
    """Over many views each interaction is dropped about equally often."""
    counts = dict.fromkeys(pairs_of(graph()), 0)
    for seed in range(300):
        for pair in pairs_of(view("edge-drop", 0.5, 1, seed)[0]):
            counts[pair] += 1
    assert min(counts.values()) > 110
    assert max(counts.values()) < 190


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_view_may_lose_every_edge(augmentation: str) -> None:
    """A tiny graph may lose all edges, which is still a valid view."""
    tiny = small_graph(0, 3, 3, 1)
    layers = make_view(tiny, augmentation, 0.99, 2, np.random.default_rng(0))
    assert len(layers) == 2
    assert all(layer.n_nodes == 6 for layer in layers)


def test_unknown_augmentation() -> None:
    """An augmentation that does not exist is an error, not an edge drop."""
    with pytest.raises(ConfigError, match="choose one of: edge-drop, node-drop, random-walk"):
        view("edgedrop", 0.1)
