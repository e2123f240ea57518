"""What a rank does to rows of a table that is spread over ranks: list those that it needs, and update those it holds.

Row r is on rank r modulo the number of ranks, there at place r divided by it. `llminit.distributed` exchanges the rows
and their gradients; the gradients themselves are made by the steps that one process takes, with `GRADIENT_ONLY` in
Adam's place.
"""

from typing import Any

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState, adam_row
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.graph import ABSENT, NodeArray
from llminit.compiled.softmax import add, link_entries

GRADIENT_ONLY = (np.float32(0), np.float32(0), np.float32(0), np.float32(1), np.float32(1))
"""Constants of an Adam step that changes no parameter and leaves the gradient itself as the mean."""


@kernel()
def list_rows(
    entries: IntArray, n_ranks: int, position: NodeArray, rows: IntArray, index: IntArray, counts: IntArray
) -> int:
    """List the distinct rows of a batch's entries, those of rank 0 first, and return how many there are.

    Args:
        entries: int64 of shape (n,), rows of the whole table.
        n_ranks: Number of ranks.
        position: int32 of shape (n_rows,), `ABSENT` everywhere before and after.
        rows: int64 of shape (n,), filled with the distinct rows, by rank, each rank's in the order of their entries.
        index: int64 of shape (n,), filled with each entry's place among these.
        counts: int64 of shape (n_ranks,), filled with the number of distinct rows on each rank.
    """
    counts[:] = 0
    for entry in range(len(entries)):
        if position[entries[entry]] == ABSENT:
            position[entries[entry]] = 0
            counts[entries[entry] % n_ranks] += 1
    ends = np.cumsum(counts)
    places = ends - counts
    for entry in range(len(entries)):
        position[entries[entry]] = ABSENT
    for entry in range(len(entries)):
        row = entries[entry]
        if position[row] == ABSENT:
            place = places[row % n_ranks]
            places[row % n_ranks] += 1
            position[row] = place
            rows[place] = row
        index[entry] = position[row]
    for entry in range(len(entries)):
        position[entries[entry]] = ABSENT
    return int(ends[-1])


@kernel(parallel=True, fastmath=FASTMATH)
def update_rows(
    places: IntArray,
    gradients: FloatArray,
    state: AdamState,
    adam: Any,
    position: NodeArray,
    memory: NodeArray,
    n_threads: int,
) -> None:
    """Sum the gradients of each row and take Adam's step for it.

    Args:
        places: int64 of shape (n,), rows of the state, some perhaps several times.
        gradients: float32 of shape (n, d), added in their order.
        state: The rows and Adam's moments, each float32 of shape (n_rows, d), changed.
        adam: As `adam_constants` returns it.
        position: int32 of shape (n_rows,), `ABSENT` everywhere before and after.
        memory: int32 of shape (3, at least n).
        n_threads: Number of threads; they never change the result.
    """
    nodes, first, following = memory[0], memory[1], memory[2]
    values, mean, square = state
    n_distinct = link_entries(places, position, nodes, first, following)
    for run in numba.prange(n_threads):
        total = np.empty(values.shape[1], dtype=np.float32)
        for index in range(run * n_distinct // n_threads, (run + 1) * n_distinct // n_threads):
            total[:] = np.float32(0)
            entry, node = first[index], nodes[index]
            while entry != ABSENT:
                add(gradients[entry], total)
                entry = following[entry]
            adam_row(total, values[node], mean[node], square[node], adam)
            position[node] = ABSENT
