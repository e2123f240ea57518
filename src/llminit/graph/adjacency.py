"""The symmetrically normalised adjacency matrix of a user-item graph."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch

from llminit.arrays import FloatArray, IntArray
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
        indices: int32 of shape (n_edges,), the neighbours; each interaction stands here twice.
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
    n_nodes = n_users + n_items
    rows = np.concatenate([users, items + n_users])
    columns = np.concatenate([items + n_users, users])
    degrees = np.bincount(rows, minlength=n_nodes) + DEGREE_OFFSET
    scale = degrees**-0.5
    weights = (scale[rows] * scale[columns]).astype(np.float32)
    matrix = sp.coo_array((weights, (rows, columns)), shape=(n_nodes, n_nodes)).tocsr()
    matrix.sort_indices()
    return Adjacency(n_users, n_items, matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)


def _check_codes(kind: str, codes: IntArray, count: int) -> None:
    if len(codes) and (codes.min() < 0 or codes.max() >= count):
        raise DataError(
            f"{kind} codes run from {codes.min()} to {codes.max()}, expected 0 to {count - 1}; "
            "make codes with a Vocabulary over all ids"
        )
