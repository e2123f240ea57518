"""Compiled loops over the graph. Each has a slow, obvious twin in tests/oracles.py."""

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray


@numba.njit(parallel=True, fastmath=True, cache=True)
def add_neighbours(
    indptr: IntArray,
    indices: IntArray,
    weights: FloatArray,
    embeddings: FloatArray,
    base: FloatArray,
    out: FloatArray,
) -> None:
    """Set out = base + A @ embeddings, all of shape (n_nodes, d); `out` may be `base`, but not `embeddings`."""
    width = embeddings.shape[1]
    for row in numba.prange(len(indptr) - 1):
        total = np.empty(width, dtype=np.float32)
        for column in range(width):
            total[column] = base[row, column]
        for edge in range(indptr[row], indptr[row + 1]):
            weight = weights[edge]
            neighbour = indices[edge]
            for column in range(width):
                total[column] += weight * embeddings[neighbour, column]
        for column in range(width):
            out[row, column] = total[column]
