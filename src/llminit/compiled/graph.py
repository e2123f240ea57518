"""The graph in compiled code: weighted sums over neighbours, and the nodes that a batch needs.

Each thread gets a run of rows with about the same number of edges. Four neighbours are added at a time, so that a row's
sum is read and written a quarter as often. The number of threads is an argument, because a kernel that asks for it
cannot be cached on disk.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel

NodeArray = NDArray[np.int32]

ABSENT = np.int32(2**31 - 1)
"""The position of a node that is not in the list."""

# The fixed cost of a row, in edges.
_WORK_PER_ROW = 8

_EVERY_NODE = np.empty(0, dtype=np.int32)


class Graph(NamedTuple):
    """A weighted graph in CSR form.

    Attributes:
        indptr: int64 of shape (n_nodes + 1,), where each node's neighbours begin.
        indices: int32 of shape (n_edges,), the neighbours.
        weights: float32 of shape (n_edges,).
        max_degree: The largest number of neighbours of a node.
    """

    indptr: IntArray
    indices: NodeArray
    weights: FloatArray
    max_degree: int


class Rows(NamedTuple):
    """A row for some nodes, zeros for the others.

    Attributes:
        values: float32 of shape (n, d).
        position: int32 of shape (n_nodes,), each node's row in `values`; an index beyond the end for a node
            without a row. Of shape (0,) where row i is node i's.
    """

    values: FloatArray
    position: NodeArray


class Frontier(NamedTuple):
    """The nodes within some hops of a batch's rows, each once and nearer ones first.

    Attributes:
        nodes: int32 of shape (n_listed,) or longer, the list.
        position: int32 of shape (n_nodes,), each node's index in the list, or `ABSENT`.
        ends: int64 of shape (n_hops + 1,); entry h is how many nodes are within h hops.
    """

    nodes: NodeArray
    position: NodeArray
    ends: IntArray


def rows_of_all(values: FloatArray) -> Rows:
    """Return a row for every node, float32 of shape (n_nodes, d), row i being node i's."""
    return Rows(values, _EVERY_NODE)


@kernel(fastmath=FASTMATH)
def _set_four(total: FloatArray, start: FloatArray, source: FloatArray, rows: NodeArray, weights: FloatArray) -> None:
    row_a, row_b, row_c, row_d = source[rows[0]], source[rows[1]], source[rows[2]], source[rows[3]]
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for column in range(len(total)):
        total[column] = start[column] + a * row_a[column] + b * row_b[column] + c * row_c[column] + d * row_d[column]


@kernel(fastmath=FASTMATH)
def _add_four(total: FloatArray, source: FloatArray, rows: NodeArray, weights: FloatArray) -> None:
    row_a, row_b, row_c, row_d = source[rows[0]], source[rows[1]], source[rows[2]], source[rows[3]]
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for column in range(len(total)):
        total[column] += a * row_a[column] + b * row_b[column] + c * row_c[column] + d * row_d[column]


@kernel(fastmath=FASTMATH)
def add_weighted_rows(
    total: FloatArray, start: FloatArray, source: FloatArray, rows: NodeArray, weights: FloatArray, count: int
) -> None:
    """Set total = start + the sum of weights[e] * source[rows[e]] for e in 0..count-1."""
    if count >= 4:
        _set_four(total, start, source, rows, weights)
        first = 4
    else:
        total[:] = start
        first = 0
    while first + 4 <= count:
        _add_four(total, source, rows[first:], weights[first:])
        first += 4
    while first < count:
        row, weight = source[rows[first]], weights[first]
        for column in range(len(total)):
            total[column] += weight * row[column]
        first += 1


@kernel()
def listed_neighbours(
    indices: NodeArray,
    weights: FloatArray,
    begin: int,
    end: int,
    position: NodeArray,
    n_listed: int,
    rows: NodeArray,
    kept: FloatArray,
) -> int:
    """Write the positions below `n_listed` of a node's neighbours, and their weights, and return how many there are."""
    count = 0
    for edge in range(begin, end):
        row = position[indices[edge]]
        rows[count] = row
        kept[count] = weights[edge]
        count += row < n_listed
    return count


@kernel()
def find_frontiers(
    indptr: IntArray, indices: NodeArray, rows: IntArray, n_hops: int, nodes: NodeArray, position: NodeArray
) -> IntArray:
    """List the nodes within 0, 1, ... n_hops hops of `rows`, each node once and nearer ones first.

    Args:
        indptr: int64 of shape (n_nodes + 1,).
        indices: int32 of shape (n_edges,).
        rows: int64 of shape (n,), may repeat.
        n_hops: Number of hops.
        nodes: int32 of shape (n_nodes,), filled with the list.
        position: int32 of shape (n_nodes,), `ABSENT` everywhere; filled with each node's index in the list.

    Returns:
        int64 of shape (n_hops + 1,): entry h is how many nodes are within h hops.
    """
    ends = np.empty(n_hops + 1, dtype=np.int64)
    count = 0
    for row in rows:
        if position[row] == ABSENT:
            position[row] = count
            nodes[count] = row
            count += 1
    ends[0] = count
    done = 0
    for hop in range(1, n_hops + 1):
        for index in range(done, ends[hop - 1]):
            node = nodes[index]
            for edge in range(indptr[node], indptr[node + 1]):
                neighbour = indices[edge]
                if position[neighbour] == ABSENT:
                    position[neighbour] = count
                    nodes[count] = neighbour
                    count += 1
        done = ends[hop - 1]
        ends[hop] = count
    return ends


@kernel()
def even_runs(indptr: IntArray, targets: NodeArray, n_runs: int) -> IntArray:
    """Return the n_runs + 1 bounds that divide the targets into runs of about equal work."""
    total = 0
    for node in targets:
        total += indptr[node + 1] - indptr[node] + _WORK_PER_ROW
    bounds = np.full(n_runs + 1, len(targets), dtype=np.int64)
    bounds[0] = 0
    done, run = 0, 1
    for index in range(len(targets)):
        if run < n_runs and done * n_runs >= total * run:
            bounds[run] = index
            run += 1
        node = targets[index]
        done += indptr[node + 1] - indptr[node] + _WORK_PER_ROW
    return bounds


@kernel(parallel=True, fastmath=FASTMATH)
def add_neighbours(graph: Graph, targets: NodeArray, source: Rows, base: Rows, out: FloatArray, n_threads: int) -> None:
    """Set out[q] = row of node targets[q] in `base` + the weighted sum of its neighbours' rows in `source`.

    Args:
        graph: The graph.
        targets: int32 of shape (n,), nodes.
        source: The rows that are added up; its values must not be `out`.
        base: The rows that the sums start from.
        out: float32 of shape (n, d), filled.
        n_threads: Number of threads.
    """
    indptr, indices, weights, max_degree = graph
    values, position = source
    starts, start_position = base
    bounds = even_runs(indptr, targets, n_threads)
    zeros = np.zeros(out.shape[1], dtype=np.float32)
    for run in numba.prange(n_threads):
        rows, kept = scratch(max_degree)
        for index in range(bounds[run], bounds[run + 1]):
            node = targets[index]
            begin, end = indptr[node], indptr[node + 1]
            row = start_position[node] if len(start_position) else node
            start = starts[row] if row < len(starts) else zeros
            if len(position) == 0:
                add_weighted_rows(out[index], start, values, indices[begin:end], weights[begin:end], end - begin)
            else:
                count = listed_neighbours(indices, weights, begin, end, position, len(values), rows, kept)
                add_weighted_rows(out[index], start, values, rows, kept, count)


@kernel()
def sum_rows(gradient: FloatArray, nodes: IntArray, scale: float, out: Rows) -> None:
    """Add scale * gradient[q] to the row of node nodes[q] in `out` for every q; nodes may repeat."""
    values, position = out
    factor = np.float32(scale)
    for index in range(len(nodes)):
        total, row = values[position[nodes[index]]], gradient[index]
        for column in range(len(row)):
            total[column] += factor * row[column]


@kernel()
def take_rows(source: Rows, nodes: IntArray, scale: float, out: FloatArray) -> None:
    """Set out[q] = scale * the row of node nodes[q] for every q; each of these nodes has a row."""
    values, position = source
    factor = np.float32(scale)
    for index in range(len(nodes)):
        target, row = out[index], values[position[nodes[index]] if len(position) else nodes[index]]
        for column in range(len(row)):
            target[column] = factor * row[column]


@kernel()
def scratch(max_degree: int) -> tuple[NodeArray, FloatArray]:
    """Return work arrays for the rows and weights of one node's neighbours."""
    # One more entry, because a neighbour that is not listed is written first and then overwritten.
    return np.empty(max_degree + 1, dtype=np.int32), np.empty(max_degree + 1, dtype=np.float32)
