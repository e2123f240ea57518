"""Serving hops and rankings of tables that stay spread over the ranks.

A rank propagates its own rows: it asks for its neighbours' rows, some of its own nodes at a time, so that memory is
that of its part and of one chunk. In a ranking each rank ranks its own items for some users, and the lists of all ranks
are merged.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.distributed.group import Group
from llminit.distributed.rows import RowLister, Wanted, asked
from llminit.graph import Adjacency

_VALUES_AT_ONCE = 2**24
"""Values of neighbours' rows that are held at a time: 64 MiB."""


def propagated(
    group: Group,
    rows: torch.Tensor,
    adjacency: Adjacency,
    weights: Sequence[float],
    values_at_once: int = _VALUES_AT_ONCE,
) -> torch.Tensor:
    """Return this rank's rows of x + w1 A x + w2 A^2 x + ...; see `llminit.graph.propagate_weighted`.

    Args:
        group: The ranks.
        rows: This rank's rows of x: float32 of shape (n_own, d), every `size`-th node from `rank` on.
        adjacency: A, on every rank.
        weights: The weight of one hop, two hops, ...
        values_at_once: Values of other rows that are held at a time.
    """
    total, hidden = rows.clone(), rows
    chunks = _chunks(group, adjacency, max(1, values_at_once // max(rows.shape[1], 1)))
    for weight in weights:
        hidden = _one_hop(group, hidden, adjacency, chunks)
        total.add_(hidden, alpha=weight)
    return total


def top_items(
    group: Group, users: FloatArray, items: FloatArray, seen: csr_array | None, k: int
) -> tuple[IntArray, FloatArray]:
    """Return the k best items of users, of items that are spread over the ranks; the same on every rank.

    Items of equal scores stand in the order of their codes, as where one process ranks them.

    Args:
        group: The ranks.
        users: float32 of shape (n, d), the same on every rank.
        items: float32 of shape (n_own, d), every `size`-th item from `rank` on.
        seen: Shape (n, n_items), items that are left out, the same on every rank; or None.
        k: Length of the lists.

    Returns:
        Item codes, int64 of shape (n, k), and scores, float32 of shape (n, k); -1 and -inf where there are fewer.
    """
    scores = users @ items.T
    if seen is not None:
        left_out = csr_array(seen)[:, group.rank :: group.size].tocoo()
        scores[left_out.coords] = -np.inf
    own = _best(np.arange(len(items)) * group.size + group.rank, scores, k)
    lists = [
        group.exchange(torch.from_numpy(part).repeat(group.size, 1), *[[len(users)] * group.size] * 2) for part in own
    ]
    codes, values = (part.numpy().reshape(group.size, len(users), k).transpose(1, 0, 2) for part in lists)
    return _merged(codes.reshape(len(users), -1), values.reshape(len(users), -1), k)


def _best(codes: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Return the k best of some items: codes and scores, each of shape (n, k)."""
    return _merged(np.broadcast_to(codes, scores.shape), scores, k)


def _merged(codes: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    if scores.shape[1] < k:
        missing = k - scores.shape[1]
        codes = np.pad(codes, ((0, 0), (0, missing)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
    order = np.lexsort((codes, -scores), axis=1)[:, :k]
    best = np.take_along_axis(scores, order, axis=1)
    listed = np.where(best == -np.inf, -1, np.take_along_axis(codes, order, axis=1))
    return listed.astype(np.int64), best


def _chunks(group: Group, adjacency: Adjacency, rows_at_once: int) -> list[tuple[IntArray, Wanted]]:
    """Return runs of this rank's nodes with the rows of their neighbours; all ranks make equally many."""
    own = np.arange(group.rank, adjacency.n_nodes, group.size)
    degrees = adjacency.indptr[own + 1] - adjacency.indptr[own]
    runs = np.cumsum(degrees) // max(rows_at_once, 1)
    n_chunks = max(group.from_all(int(runs[-1]) + 1 if len(runs) else 0))
    lister = RowLister(adjacency.n_nodes, group.size)
    chunks = []
    for chunk in range(n_chunks):
        nodes = own[runs == chunk]
        edges, _ = _edges(adjacency, nodes)
        chunks.append((nodes, lister.wanted(adjacency.indices[edges].astype(np.int64))))
    return chunks


def _one_hop(
    group: Group, rows: torch.Tensor, adjacency: Adjacency, chunks: list[tuple[IntArray, Wanted]]
) -> torch.Tensor:
    hidden = torch.zeros_like(rows)
    for nodes, wanted in chunks:
        (step,) = asked(group, [wanted])
        fetched = group.exchange(rows.index_select(0, step.places), step.counts, wanted.counts).cpu().numpy()
        edges, bounds = _edges(adjacency, nodes)
        matrix = csr_array((adjacency.weights[edges], wanted.index, bounds), shape=(len(nodes), len(fetched)))
        hidden[torch.from_numpy(nodes // group.size)] = torch.from_numpy(matrix @ fetched).to(rows)
    return hidden


def _edges(adjacency: Adjacency, nodes: IntArray) -> tuple[IntArray, IntArray]:
    """Return the places of some nodes' edges, node by node, and where each node's begin, with the end."""
    counts = adjacency.indptr[nodes + 1] - adjacency.indptr[nodes]
    bounds: IntArray = np.append(0, np.cumsum(counts))
    return np.arange(bounds[-1]) + np.repeat(adjacency.indptr[nodes] - bounds[:-1], counts), bounds
