"""`propagate` for the rows of one batch, with a backward pass that leaves the last hop to the optimiser.

`llminit.compiled.propagation` explains the mathematics.
"""

from dataclasses import dataclass

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.graph import (
    ABSENT,
    Frontier,
    NodeArray,
    Rows,
    add_neighbours,
    find_frontiers,
    rows_of_all,
    sum_rows,
    take_rows,
)
from llminit.compiled.propagation import final_rows, last_hop_source
from llminit.graph.adjacency import Adjacency


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The nodes around a batch's rows.

    Attributes:
        adjacency: The graph.
        n_layers: L.
        rows: int64 of shape (n,), the batch's rows; may repeat.
        frontier: The nodes within L - 1 hops.
    """

    adjacency: Adjacency
    n_layers: int
    rows: IntArray
    frontier: Frontier

    @classmethod
    def around(cls, adjacency: Adjacency, n_layers: int, rows: IntArray) -> "Neighbourhood":
        """Find the nodes that `rows` need at each layer."""
        nodes = np.empty(adjacency.n_nodes, dtype=np.int32)
        position = np.full(adjacency.n_nodes, ABSENT)
        n_hops = max(n_layers - 1, 0)
        ends = find_frontiers(adjacency.indptr, adjacency.indices, rows, n_hops, nodes, position)
        return cls(adjacency, n_layers, rows, Frontier(nodes, position, ends))

    def final_rows(self, embeddings: FloatArray) -> FloatArray:
        """Return the rows of `propagate(embeddings)`: float32 of shape (len(rows), d)."""
        memory = self.adjacency.hop_memory(embeddings.shape[1])
        graph, n_threads = self.adjacency.compiled, numba.get_num_threads()
        final = final_rows(graph, self.frontier, self.n_layers, embeddings, memory, n_threads)
        return self._take(Rows(final, self.frontier.position), 1 / (self.n_layers + 1))

    def trained_rows(self, embeddings: FloatArray) -> FloatArray:
        """Return the rows of `embeddings`: float32 of shape (len(rows), d)."""
        return self._take(rows_of_all(embeddings), 1.0)

    def gradient(self, final: FloatArray | None, trained: FloatArray | None, width: int) -> "RowGradient":
        """Carry the gradients of final and trained rows, float32 of shape (len(rows), d), back up to the last hop."""
        position = self.frontier.position
        base = np.zeros((int(self.frontier.ends[0]), width), dtype=np.float32)
        source = np.empty((0, width), dtype=np.float32)
        if final is not None:
            sum_rows(final, self.rows, 1 / (self.n_layers + 1), Rows(base, position))
            if self.n_layers:
                graph, memory = self.adjacency.compiled, self.adjacency.hop_memory(width)
                n_threads = numba.get_num_threads()
                source = last_hop_source(graph, self.frontier, self.n_layers, base, memory, n_threads)
        if trained is not None:
            base = base.copy() if self.n_layers == 1 else base  # otherwise `source` would change too
            sum_rows(trained, self.rows, 1.0, Rows(base, position))
        return RowGradient(self, base, source)

    def _take(self, source: Rows, scale: float) -> FloatArray:
        out = np.empty((len(self.rows), source.values.shape[1]), dtype=np.float32)
        take_rows(source, self.rows, scale, out)
        return out


@dataclass(frozen=True, eq=False)
class RowGradient:
    """A gradient of all embeddings that still lacks its last hop: `base` + A `source`, both listed by position.

    Attributes:
        neighbourhood: The nodes whose positions index the rows.
        base: float32 of shape (n_base, d).
        source: float32 of shape (n_source, d); the graph's next batch overwrites it unless it is `copied`.
    """

    neighbourhood: Neighbourhood
    base: FloatArray
    source: FloatArray

    @property
    def position(self) -> NodeArray:
        """int32 of shape (n_nodes,), each node's row in `base` and in `source`."""
        return self.neighbourhood.frontier.position

    def copied(self) -> "RowGradient":
        """Return the same gradient in its own memory."""
        return RowGradient(self.neighbourhood, self.base, self.source.copy())

    def dense(self) -> FloatArray:
        """Return the gradient as float32 of shape (n_nodes, d)."""
        graph = self.neighbourhood.adjacency
        out = np.empty((graph.n_nodes, self.base.shape[1]), dtype=np.float32)
        source, base = Rows(self.source, self.position), Rows(self.base, self.position)
        add_neighbours(graph.compiled, graph.every_node, source, base, out, numba.get_num_threads())
        return out
