"""Compiled loops over the graph. Each has a slow, obvious twin in tests/oracles.py.

Threads take runs of rows with about equally many edges. Four neighbours are added at a time, so that a row's sum goes
to the first-level cache a quarter as often; the optimiser works on blocks of rows that stay in the second-level one.
Arithmetic may be reordered but not approximated: NaN stays NaN, and a division is a division. The number of threads
comes in as an argument, because a kernel that asks for it cannot be cached on disk.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from llminit.arrays import FloatArray, IntArray

NodeArray = NDArray[np.int32]

# A position that no node has: the node is not in the list.
ABSENT = np.int32(2**31 - 1)
# Says that a table is listed by node: row i is node i's.
EACH_ITSELF = np.empty(0, dtype=np.int32)

# Rows whose gradients are summed before the optimiser takes them, and what a row costs beside its edges, in edges.
_BLOCK_ROWS = 128
_WORK_PER_ROW = 8

# Adam's usual constants.
_KEEP_MEAN, _KEEP_SQUARE, _EPSILON = 0.9, 0.999, 1e-8

_EXACT = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _set_four(total: FloatArray, start: FloatArray, source: FloatArray, rows: NodeArray, weights: FloatArray) -> None:
    row_a, row_b, row_c, row_d = source[rows[0]], source[rows[1]], source[rows[2]], source[rows[3]]
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for column in range(len(total)):
        total[column] = start[column] + a * row_a[column] + b * row_b[column] + c * row_c[column] + d * row_d[column]


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _add_four(total: FloatArray, source: FloatArray, rows: NodeArray, weights: FloatArray) -> None:
    row_a, row_b, row_c, row_d = source[rows[0]], source[rows[1]], source[rows[2]], source[rows[3]]
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for column in range(len(total)):
        total[column] += a * row_a[column] + b * row_b[column] + c * row_c[column] + d * row_d[column]


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _add_weighted_rows(
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


@numba.njit(cache=True)
def _listed_neighbours(
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
        place = position[indices[edge]]
        rows[count] = place
        kept[count] = weights[edge]
        count += place < n_listed
    return count


@numba.njit(cache=True)
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
        position: int32 of shape (n_nodes,), `ABSENT` everywhere; filled with each node's place in the list.

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
        for place in range(done, ends[hop - 1]):
            node = nodes[place]
            for edge in range(indptr[node], indptr[node + 1]):
                neighbour = indices[edge]
                if position[neighbour] == ABSENT:
                    position[neighbour] = count
                    nodes[count] = neighbour
                    count += 1
        done = ends[hop - 1]
        ends[hop] = count
    return ends


@numba.njit(cache=True)
def even_runs(indptr: IntArray, targets: NodeArray, n_runs: int) -> IntArray:
    """Return the n_runs + 1 bounds of runs of targets that are about equally much work."""
    total = 0
    for node in targets:
        total += indptr[node + 1] - indptr[node] + _WORK_PER_ROW
    bounds = np.full(n_runs + 1, len(targets), dtype=np.int64)
    bounds[0] = 0
    done, run = 0, 1
    for place in range(len(targets)):
        if run < n_runs and done * n_runs >= total * run:
            bounds[run] = place
            run += 1
        node = targets[place]
        done += indptr[node + 1] - indptr[node] + _WORK_PER_ROW
    return bounds


@numba.njit(parallel=True, cache=True, fastmath=_EXACT, error_model="numpy")
def add_neighbours(
    indptr: IntArray,
    indices: NodeArray,
    weights: FloatArray,
    targets: NodeArray,
    position: NodeArray,
    source: FloatArray,
    base_position: NodeArray,
    base: FloatArray,
    out: FloatArray,
    longest: int,
    n_threads: int,
) -> None:
    """Set out[q] = base of node targets[q] + the weighted sum of its neighbours' rows of `source`.

    A node's row of `source` is source[position[node]], or source[node] where `position` is empty; a node whose position
    is beyond the last row counts as zero. Likewise for `base`. `out` must not be `source`.

    Args:
        indptr: int64 of shape (n_nodes + 1,).
        indices: int32 of shape (n_edges,).
        weights: float32 of shape (n_edges,).
        targets: int32 of shape (n,), nodes.
        position: int32 of shape (n_nodes,) or (0,).
        source: float32 of shape (n_source, d).
        base_position: int32 of shape (n_nodes,) or (0,).
        base: float32 of shape (n_base, d).
        out: float32 of shape (n, d), filled.
        longest: No node has more neighbours.
        n_threads: Number of threads.
    """
    bounds = even_runs(indptr, targets, n_threads)
    zeros = np.zeros(out.shape[1], dtype=np.float32)
    for run in numba.prange(n_threads):
        rows, kept = _scratch(longest)
        for place in range(bounds[run], bounds[run + 1]):
            node = targets[place]
            begin, end = indptr[node], indptr[node + 1]
            row = base_position[node] if len(base_position) else node
            start = base[row] if row < len(base) else zeros
            if len(position) == 0:
                _add_weighted_rows(out[place], start, source, indices[begin:end], weights[begin:end], end - begin)
            else:
                count = _listed_neighbours(indices, weights, begin, end, position, len(source), rows, kept)
                _add_weighted_rows(out[place], start, source, rows, kept, count)


@numba.njit(parallel=True, cache=True, fastmath=_EXACT, error_model="numpy")
def add_neighbours_and_update(
    indptr: IntArray,
    indices: NodeArray,
    weights: FloatArray,
    bounds: IntArray,
    position: NodeArray,
    source: FloatArray,
    base: FloatArray,
    dense: FloatArray,
    parameters: FloatArray,
    mean: FloatArray,
    square: FloatArray,
    adam: tuple[Any, Any, Any, Any, Any],
    longest: int,
) -> None:
    """Take one Adam step, with the gradient of each node computed on the fly and never stored.

    The gradient of a node is its row of `base` + the weighted sum of its neighbours' rows of `source` + its row of
    `dense`. Arguments are as for `add_neighbours` and `adam_step`.

    Args:
        indptr: int64 of shape (n_nodes + 1,).
        indices: int32 of shape (n_edges,).
        weights: float32 of shape (n_edges,).
        bounds: int64 of shape (n_threads + 1,), `even_runs` of all nodes in order.
        position: int32 of shape (n_nodes,), of nodes in `source` and in `base`.
        source: float32 of shape (n_source, d).
        base: float32 of shape (n_base, d).
        dense: float32 of shape (n_nodes, d), or (0, d) for none.
        parameters: float32 of shape (n_nodes, d), changed.
        mean: The same shape, changed.
        square: The same shape, changed.
        adam: As `adam_constants` returns them.
        longest: No node has more neighbours.
    """
    width = parameters.shape[1]
    zeros = np.zeros(width, dtype=np.float32)
    for run in numba.prange(len(bounds) - 1):
        rows, kept = _scratch(longest)
        block = np.empty((_BLOCK_ROWS, width), dtype=np.float32)
        for first in range(bounds[run], bounds[run + 1], _BLOCK_ROWS):
            last = min(first + _BLOCK_ROWS, bounds[run + 1])
            for node in range(first, last):
                start = base[position[node]] if position[node] < len(base) else zeros
                count = 0
                if len(source):
                    count = _listed_neighbours(
                        indices, weights, indptr[node], indptr[node + 1], position, len(source), rows, kept
                    )
                if len(source) or len(dense):
                    _add_weighted_rows(block[node - first], start, source, rows, kept, count)
                    if len(dense):
                        block[node - first] += dense[node]
                else:
                    _adam_row(start, parameters[node], mean[node], square[node], adam)
            if len(source) or len(dense):
                _adam_rows(block[: last - first], parameters[first:last], mean[first:last], square[first:last], adam)


@numba.njit(parallel=True, cache=True, fastmath=_EXACT, error_model="numpy")
def adam_step(
    gradient: FloatArray,
    parameters: FloatArray,
    mean: FloatArray,
    square: FloatArray,
    adam: tuple[Any, Any, Any, Any, Any],
    n_threads: int,
) -> None:
    """Take one Adam step in place; all arrays are float32 of shape (n, d), `adam` as `adam_constants` returns it."""
    for run in numba.prange(n_threads):
        part = slice(run * len(parameters) // n_threads, (run + 1) * len(parameters) // n_threads)
        _adam_rows(gradient[part], parameters[part], mean[part], square[part], adam)


@numba.njit(cache=True)
def sum_rows(gradient: FloatArray, rows: IntArray, position: NodeArray, scale: float, out: FloatArray) -> None:
    """Add scale * gradient[q] to out[position[rows[q]]] for every q; rows may repeat."""
    factor = np.float32(scale)
    for place in range(len(rows)):
        total, row = out[position[rows[place]]], gradient[place]
        for column in range(len(row)):
            total[column] += factor * row[column]


@numba.njit(cache=True)
def take_rows(source: FloatArray, rows: IntArray, position: NodeArray, scale: float, out: FloatArray) -> None:
    """Set out[q] = scale * source[position[rows[q]]] for every q."""
    factor = np.float32(scale)
    for place in range(len(rows)):
        target, row = out[place], source[position[rows[place]] if len(position) else rows[place]]
        for column in range(len(row)):
            target[column] = factor * row[column]


@numba.njit(cache=True)
def _scratch(longest: int) -> tuple[NodeArray, FloatArray]:
    # One more, because a neighbour that does not count is written before it is overwritten.
    return np.empty(longest + 1, dtype=np.int32), np.empty(longest + 1, dtype=np.float32)


@numba.njit(cache=True)
def _adam_rows(
    gradient: FloatArray, parameters: FloatArray, mean: FloatArray, square: FloatArray, adam: tuple[Any, ...]
) -> None:
    _adam_row(gradient.reshape(-1), parameters.reshape(-1), mean.reshape(-1), square.reshape(-1), adam)


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _adam_row(slopes: FloatArray, values: FloatArray, means: FloatArray, squares: FloatArray, adam: Any) -> None:
    keep_mean, keep_square, step_size, square_scale, epsilon = adam
    one = np.float32(1)
    for place in range(len(values)):
        slope = slopes[place]
        new_mean = keep_mean * means[place] + (one - keep_mean) * slope
        new_square = keep_square * squares[place] + (one - keep_square) * slope * slope
        means[place], squares[place] = new_mean, new_square
        values[place] -= step_size * new_mean / (np.sqrt(new_square) * square_scale + epsilon)


@numba.njit(cache=True)
def adam_constants(
    step: int, learning_rate: float
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Return what an Adam step needs at step `step`, counted from 1 (Kingma & Ba, arXiv 1412.6980, algorithm 1).

    Returns:
        The decay of the mean and of the square, the step size over the mean's bias correction, one over the root of the
        square's bias correction, and epsilon.
    """
    mean_correction, square_correction = 1 - _KEEP_MEAN**step, 1 - _KEEP_SQUARE**step
    return (
        np.float32(_KEEP_MEAN),
        np.float32(_KEEP_SQUARE),
        np.float32(learning_rate / mean_correction),
        np.float32(1 / np.sqrt(square_correction)),
        np.float32(_EPSILON),
    )
