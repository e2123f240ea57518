"""`propagate` for the rows of one batch, computing only what they need.

With one A at all L layers, powers of A commute and both directions have Horner's form. Let S_h be the nodes within h
hops of the batch's rows. Going forward,

    y_1 = x + A x          on S_(L-1),
    y_k = x + A y_(k-1)    on S_(L-k),       and the batch's rows are y_L / (L + 1);

going backward, with g the gradient of the batch's rows over (L + 1), which is zero outside S_0,

    z_1 = g + A g          on S_1,
    z_k = g + A z_(k-1)    on S_k,           and the gradient of x is z_L.

The last hop backward, which reaches nearly all nodes, is left to whoever wants the gradient: as a matrix, or fused with
the optimiser's step (`RowGradient`). What is computed is exact; only work whose result is zero or unused is left out.
"""

from dataclasses import dataclass

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.graph import kernels
from llminit.graph.adjacency import Adjacency
from llminit.graph.kernels import NodeArray


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The nodes around a batch's rows.

    Attributes:
        adjacency: The graph.
        n_layers: L.
        rows: int64 of shape (n,), the batch's rows; may repeat.
        nodes: int32 of shape (n_listed,), each node within L - 1 hops once, nearer ones first.
        position: int32 of shape (n_nodes,), each node's place in `nodes`, or a large number.
        ends: int64 of shape (max(L, 1),); entry h is how many nodes are within h hops.
    """

    adjacency: Adjacency
    n_layers: int
    rows: IntArray
    nodes: NodeArray
    position: NodeArray
    ends: IntArray

    @classmethod
    def around(cls, adjacency: Adjacency, n_layers: int, rows: IntArray) -> "Neighbourhood":
        """Find the nodes that `rows` need at each layer."""
        nodes = np.empty(adjacency.n_nodes, dtype=np.int32)
        position = np.full(adjacency.n_nodes, kernels.ABSENT)
        n_hops = max(n_layers - 1, 0)
        ends = kernels.find_frontiers(adjacency.indptr, adjacency.indices, rows, n_hops, nodes, position)
        return cls(adjacency, n_layers, rows, nodes[: ends[-1]], position, ends)

    def final_rows(self, embeddings: FloatArray) -> FloatArray:
        """Return the rows of `propagate(embeddings)`: float32 of shape (len(rows), d)."""
        workspace = self.adjacency.workspace
        source, position = embeddings, kernels.EACH_ITSELF
        for hop in range(self.n_layers - 1, -1, -1):
            count = self.ends[hop]
            out = workspace.rows(f"hop {hop}", int(count), embeddings.shape[1])
            self._add_neighbours(self.nodes[:count], position, source, kernels.EACH_ITSELF, embeddings, out)
            source, position = out, self.position
        return self._taken(source, position, 1 / (self.n_layers + 1))

    def trained_rows(self, embeddings: FloatArray) -> FloatArray:
        """Return the rows of `embeddings`: float32 of shape (len(rows), d)."""
        return self._taken(embeddings, kernels.EACH_ITSELF, 1.0)

    def gradient(self, final: FloatArray | None, trained: FloatArray | None, width: int) -> "RowGradient":
        """Carry the gradients of final and trained rows, float32 of shape (len(rows), d), back to the last hop."""
        base = np.zeros((int(self.ends[0]), width), dtype=np.float32)
        if final is None or not self.n_layers:
            source = np.empty((0, width), dtype=np.float32)
        else:
            kernels.sum_rows(final, self.rows, self.position, 1 / (self.n_layers + 1), base)
            source = base
            for hop in range(1, self.n_layers):
                out = self.adjacency.workspace.rows(f"hop {hop}", int(self.ends[hop]), width)
                self._add_neighbours(self.nodes[: self.ends[hop]], self.position, source, self.position, base, out)
                source = out
        if final is not None and not self.n_layers:
            kernels.sum_rows(final, self.rows, self.position, 1.0, base)
        if trained is not None:
            base = base.copy() if source is base else base
            kernels.sum_rows(trained, self.rows, self.position, 1.0, base)
        return RowGradient(self, base, source)

    def _taken(self, source: FloatArray, position: NodeArray, scale: float) -> FloatArray:
        out = np.empty((len(self.rows), source.shape[1]), dtype=np.float32)
        kernels.take_rows(source, self.rows, position, scale, out)
        return out

    def _add_neighbours(
        self,
        targets: NodeArray,
        position: NodeArray,
        source: FloatArray,
        base_position: NodeArray,
        base: FloatArray,
        out: FloatArray,
    ) -> None:
        graph = self.adjacency
        kernels.add_neighbours(
            graph.indptr,
            graph.indices,
            graph.weights,
            targets,
            position,
            source,
            base_position,
            base,
            out,
            graph.longest,
            numba.get_num_threads(),
        )


@dataclass(frozen=True, eq=False)
class RowGradient:
    """A gradient of all embeddings that still lacks its last hop: `base` + A `source`, both listed by position.

    Attributes:
        neighbourhood: Whose positions the rows have.
        base: float32 of shape (n_base, d).
        source: float32 of shape (n_source, d); the graph's next batch overwrites it unless it is `kept`.
    """

    neighbourhood: Neighbourhood
    base: FloatArray
    source: FloatArray

    def kept(self) -> "RowGradient":
        """Return the same gradient in memory of its own."""
        return RowGradient(self.neighbourhood, self.base, self.source.copy())

    def dense(self) -> FloatArray:
        """Return the gradient as float32 of shape (n_nodes, d)."""
        graph, position = self.neighbourhood.adjacency, self.neighbourhood.position
        out = np.empty((graph.n_nodes, self.base.shape[1]), dtype=np.float32)
        kernels.add_neighbours(
            graph.indptr,
            graph.indices,
            graph.weights,
            graph.every_node,
            position,
            self.source,
            position,
            self.base,
            out,
            graph.longest,
            numba.get_num_threads(),
        )
        return out
