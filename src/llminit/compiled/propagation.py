"""LightGCN's propagation for the rows of a batch, forward and backward, computing only what they need.

With one A at all L layers, powers of A commute and both directions have Horner's form. Let S_h be the nodes within h
hops of the batch's rows. Going forward,

    y_1 = x + A x          on S_(L-1),
    y_k = x + A y_(k-1)    on S_(L-k),       and the batch's rows are y_L / (L + 1);

going backward, with g the gradient of the batch's rows over (L + 1), which is zero outside S_0,

    z_1 = g + A g          on S_1,
    z_k = g + A z_(k-1)    on S_k,           and the gradient of x is z_L.

The last hop backward, which reaches nearly all nodes, is left to the caller, as a matrix or fused with the optimiser's
step (`add_neighbours_and_update`). The results are exact; only work whose result is zero or unused is skipped.
"""

from typing import Any

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState, adam_row, adam_rows
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.graph import (
    Frontier,
    Graph,
    Rows,
    add_neighbours,
    add_weighted_rows,
    listed_neighbours,
    scratch,
)

# Rows whose gradients are computed before the optimiser uses them; a block fits the second-level cache.
_BLOCK_ROWS = 128


@kernel()
def final_rows(
    graph: Graph,
    frontier: Frontier,
    n_layers: int,
    embeddings: FloatArray,
    memory: tuple[FloatArray, FloatArray],
    n_threads: int,
) -> Any:
    """Return n_layers + 1 times the final rows of the batch's nodes, by position in the frontier.

    Args:
        graph: The graph of every layer.
        frontier: The nodes within max(n_layers - 1, 0) hops of the batch's rows.
        n_layers: L.
        embeddings: float32 of shape (n_nodes, d).
        memory: Two float32 arrays of width d with a row for each node that is listed, overwritten.
        n_threads: Number of threads.

    Returns:
        float32 of shape (n, d), a view of one of the two arrays.
    """
    nodes, position, ends = frontier
    out, other = memory
    if not n_layers:
        for row in range(ends[0]):
            out[row] = embeddings[nodes[row]]
        return out
    everywhere = np.empty(0, dtype=np.int32)
    base = Rows(embeddings, everywhere)
    source = base
    for hop in range(n_layers - 1, -1, -1):
        add_neighbours(graph, nodes[: ends[hop]], source, base, out[: ends[hop]], n_threads)
        source = Rows(out[: ends[hop]], position)
        out, other = other, out
    return source.values


@kernel()
def last_hop_source(
    graph: Graph,
    frontier: Frontier,
    n_layers: int,
    base: FloatArray,
    memory: tuple[FloatArray, FloatArray],
    n_threads: int,
) -> FloatArray:
    """Return z_(L-1), the rows that the last hop backward adds up over neighbours, by position in the frontier.

    Args:
        graph: The graph of every layer.
        frontier: The nodes within L - 1 hops of the batch's rows.
        n_layers: L, at least 1.
        base: float32 of shape (n, d), g by position.
        memory: As for `final_rows`.
        n_threads: Number of threads.
    """
    nodes, position, ends = frontier
    out, other = memory
    start = Rows(base, position)
    source = start
    for hop in range(1, n_layers):
        add_neighbours(graph, nodes[: ends[hop]], source, start, out[: ends[hop]], n_threads)
        source = Rows(out[: ends[hop]], position)
        out, other = other, out
    return source.values


@kernel(parallel=True, fastmath=FASTMATH)
def add_neighbours_and_update(
    graph: Graph,
    bounds: IntArray,
    source: Rows,
    base: Rows,
    dense: FloatArray,
    state: AdamState,
    adam: tuple[Any, Any, Any, Any, Any],
) -> None:
    """Take one Adam step, with the gradient of each node computed on the fly and never stored.

    The gradient of a node is its row in `base` + the weighted sum of its neighbours' rows in `source` + its row of
    `dense`.

    Args:
        graph: The graph.
        bounds: int64 of shape (n_threads + 1,), `even_runs` of all nodes in order.
        source: Rows by position; none where nothing is added up.
        base: Rows by the same positions.
        dense: float32 of shape (n_nodes, d), or (0, d) for none.
        state: The embeddings and their moments, float32 of shape (n_nodes, d), changed.
        adam: The constants from `adam_constants`.
    """
    indptr, indices, weights, max_degree = graph
    values, position = source
    starts, start_position = base
    parameters, mean, square = state
    width = parameters.shape[1]
    zeros = np.zeros(width, dtype=np.float32)
    for run in numba.prange(len(bounds) - 1):
        rows, kept = scratch(max_degree)
        block = np.empty((_BLOCK_ROWS, width), dtype=np.float32)
        for first in range(bounds[run], bounds[run + 1], _BLOCK_ROWS):
            last = min(first + _BLOCK_ROWS, bounds[run + 1])
            for node in range(first, last):
                start = starts[start_position[node]] if start_position[node] < len(starts) else zeros
                count = 0
                if len(values):
                    count = listed_neighbours(
                        indices, weights, indptr[node], indptr[node + 1], position, len(values), rows, kept
                    )
                if len(values) or len(dense):
                    add_weighted_rows(block[node - first], start, values, rows, kept, count)
                    if len(dense):
                        block[node - first] += dense[node]
                else:
                    adam_row(start, parameters[node], mean[node], square[node], adam)
            if len(values) or len(dense):
                adam_rows(block[: last - first], parameters[first:last], mean[first:last], square[first:last], adam)


def hop_memory(n_nodes: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Return the two arrays that hops write to; the system maps only the pages that are written."""
    return np.empty((n_nodes, width), dtype=np.float32), np.empty((n_nodes, width), dtype=np.float32)
