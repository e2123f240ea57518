"""The symmetrically normalised adjacency matrix of a user-item graph."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.compiled.graph import Graph, even_runs
from llminit.compiled.propagation import hop_memory
from llminit.errors import DataError

# Added to every degree, as in the reference, so that an isolated node divides by something.
DEGREE_OFFSET = 1e-7


@dataclass(frozen=True, eq=False)
class Adjacency:
    """D^-1/2 A D^-1/2 of a bipartite graph in CSR form; nodes are all users, then all items.

    Attributes:
        n_users: Number of users.
        n_items: Number of items.
        indptr: int64 of shape (n_nodes + 1,), where each node's neighbours begin.
        indices: int32 of shape (n_edges,), the neighbours; each interaction is stored twice.
        weights: float32 of shape (n_edges,), 1 / sqrt(degree of one end * degree of the other).
    """

    n_users: int
    n_items: int
    indptr: IntArray
    indices: np.ndarray[tuple[int], np.dtype[np.int32]]
    weights: FloatArray

    @property
    def n_nodes(self) -> int:
        """Number of users and items together."""
        return self.n_users + self.n_items

    @cached_property
    def edges(self) -> tuple[IntArray, IntArray]:
        """The interactions behind the matrix: user codes and item codes, each int64 of shape (n_interactions,)."""
        degrees = np.diff(self.indptr[: self.n_users + 1])
        users = np.repeat(np.arange(self.n_users), degrees)
        return users, self.indices[: self.indptr[self.n_users]].astype(np.int64) - self.n_users

    @cached_property
    def edges_by_item(self) -> IntArray:
        """The order of `edges` by item, then user: int64 of shape (n_interactions,)."""
        return _order_by_item(*self.edges, self.n_users, self.n_items)

    @cached_property
    def every_node(self) -> NDArray[np.int32]:
        """All nodes in order, int32 of shape (n_nodes,)."""
        return np.arange(self.n_nodes, dtype=np.int32)

    @cached_property
    def compiled(self) -> Graph:
        """The graph as kernels take it."""
        max_degree = int(np.diff(self.indptr).max(initial=0))
        return Graph(self.indptr, self.indices, self.weights, max_degree)

    def runs(self, n_threads: int) -> IntArray:
        """Return the n_threads + 1 bounds that divide the nodes into runs of about equal work."""
        bounds: IntArray = even_runs(self.indptr, self.every_node, n_threads)
        return bounds

    def hop_memory(self, width: int) -> tuple[FloatArray, FloatArray]:
        """Return two float32 arrays of shape (n_nodes, width) that hops on this graph write to and reuse."""
        # Fresh memory costs more to map than to fill.
        if width not in self._hop_memory:
            self._hop_memory[width] = hop_memory(self.n_nodes, width)
        return self._hop_memory[width]

    @cached_property
    def _hop_memory(self) -> dict[int, tuple[FloatArray, FloatArray]]:
        return {}

    def torch_csr(self, device: torch.device) -> torch.Tensor:
        """Return the matrix as a torch sparse CSR tensor on `device`, made once."""
        if device not in self._on_device:
            self._on_device[device] = torch.sparse_csr_tensor(
                torch.from_numpy(self.indptr),
                torch.from_numpy(self.indices.astype(np.int64)),
                torch.from_numpy(self.weights),
                size=(self.n_nodes, self.n_nodes),
                device=device,
                check_invariants=False,
            )
        return self._on_device[device]

    @cached_property
    def _on_device(self) -> dict[torch.device, torch.Tensor]:
        return {}


def normalized_adjacency(users: IntArray, items: IntArray, n_users: int, n_items: int) -> Adjacency:
    """Build the normalised adjacency matrix of LightGCN (arXiv 2002.02126, eq. 3) from interactions.

    Args:
        users: int64 of shape (n_interactions,), user codes.
        items: int64 of shape (n_interactions,), item codes; each (user, item) pair at most once.
        n_users: Number of users.
        n_items: Number of items.

    Raises:
        DataError: A code is out of range.
    """
    _check_codes("user", users, n_users)
    _check_codes("item", items, n_items)
    ones = np.ones(len(users), dtype=np.float32)
    by_user = sp.coo_array((ones, (users, items)), shape=(n_users, n_items)).tocsr()
    by_user.sort_indices()
    users = np.repeat(np.arange(n_users), np.diff(by_user.indptr))
    items = by_user.indices.astype(np.int64)
    return _from_sorted(users, items, _order_by_item(users, items, n_users, n_items), n_users, n_items)


def thinned(adjacency: Adjacency, kept: BoolArray) -> Adjacency:
    """Return the graph of some of the interactions, normalised by the remaining degrees.

    Nothing is sorted again, because a part of a sorted list is sorted.

    Args:
        adjacency: The whole graph.
        kept: bool of shape (n_interactions,), for each of `adjacency.edges` whether it stays.
    """
    users, items = adjacency.edges
    order = adjacency.edges_by_item
    # For each edge that is kept, its index among the kept ones.
    new_index = np.cumsum(kept) - 1
    by_item = new_index[order[kept[order]]]
    return _from_sorted(users[kept], items[kept], by_item, adjacency.n_users, adjacency.n_items)


def _from_sorted(users: IntArray, items: IntArray, by_item: IntArray, n_users: int, n_items: int) -> Adjacency:
    """Build the matrix from interactions sorted by user, then item, and their order by item, then user."""
    user_degrees, item_degrees = np.bincount(users, minlength=n_users), np.bincount(items, minlength=n_items)
    degrees = np.concatenate([user_degrees, item_degrees])
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    indices = np.concatenate([items + n_users, users[by_item]]).astype(np.int32)
    scale = (degrees + DEGREE_OFFSET) ** -0.5
    weights = (scale[users] * scale[n_users + items]).astype(np.float32)
    return Adjacency(n_users, n_items, indptr, indices, np.concatenate([weights, weights[by_item]]))


def _order_by_item(users: IntArray, items: IntArray, n_users: int, n_items: int) -> IntArray:
    """Return the order by item, then user, of interactions that are sorted by user; in linear time."""
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    positions = sp.csr_array((np.arange(len(items)), items, indptr), shape=(n_users, n_items))
    order: IntArray = positions.tocsc().data
    return order


def _check_codes(kind: str, codes: IntArray, count: int) -> None:
    if len(codes) and (codes.min() < 0 or codes.max() >= count):
        raise DataError(
            f"{kind} codes run from {codes.min()} to {codes.max()}, expected 0 to {count - 1}; "
            "make codes with a Vocabulary over all ids"
        )
