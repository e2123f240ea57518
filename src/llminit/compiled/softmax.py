"""Whole training steps of matrix factorisation by sampled softmax: in-batch negatives, rows of the batch alone.

A step's cost depends on the batch and the width, never on the catalogue: the rows of the batch are gathered and
normalised, three matrix products give the logits and the gradients, and Adam changes the rows that were touched
(`llminit.training.optimizer` says what that means). `llminit.models.losses.sampled_softmax` is the plain twin.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - numba's matmul; loaded here, so that its threads can be limited

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState, adam_constants, adam_row
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.exponential import exp
from llminit.compiled.graph import ABSENT, NodeArray
from llminit.compiled.reweighted import Reweighting, pool_positives, pull_to_start, reweighted_gradient
from llminit.compiled.rows import MIN_LENGTH, dot

MAX_ANCHORS = 128
"""At most so many users have their logits computed together, by one thread."""


class CompiledSoftmax(NamedTuple):
    """The loss of a compiled step.

    Attributes:
        temperature: What cosines are divided by.
        offsets: float32 of shape (n_nodes,), taken from the logits of items; or of shape (0,).
        reweighting: What the loss does beside the plain softmax; None where it is that. Kernels are compiled for
            each of the two, so that one costs the other nothing.
    """

    temperature: float
    offsets: FloatArray
    reweighting: Reweighting | None = None


class SoftmaxMemory(NamedTuple):
    """The arrays that steps write to, reused by every step, for B anchors and C columns of logits.

    Attributes:
        position: int32 of shape (n_nodes,), `ABSENT` everywhere between two steps.
        nodes: int32 of shape (n_entries,), the batch's distinct rows.
        first: int32 of shape (n_entries,), the first entry of a distinct row, by position.
        following: int32 of shape (n_entries,), the next entry of the same row, or `ABSENT`.
        units: float32 of shape (B + C, d), rows of length 1: the anchors', then the columns'.
        scales: float32 of shape (B + C,), one over their original lengths.
        logits: float32 of shape (B, C), and their gradients after them.
        anchors: float32 of shape (B, d), gradients with respect to the anchors' units.
        columns: float32 of shape (n_chunks, C, d), each chunk's share of the gradients of the columns' units.
        losses: float64 of shape (n_chunks,).
    """

    position: NodeArray
    nodes: NodeArray
    first: NodeArray
    following: NodeArray
    units: FloatArray
    scales: FloatArray
    logits: FloatArray
    anchors: FloatArray
    columns: FloatArray
    losses: Any


def softmax_memory(
    n_nodes: int, width: int, batch_size: int, n_parts: int = 2, n_entries: int | None = None
) -> SoftmaxMemory:
    """Return memory for steps of `batch_size` triples, or pairs, which have one entry a row unless it is said."""
    n_columns, n_rows = (n_parts - 1) * batch_size, n_parts * batch_size
    n_entries = n_rows if n_entries is None else n_entries
    # Never less than two, so that two threads share a small batch; and never a matter of how many threads there are,
    # which would change the order of sums.
    n_chunks = max(min(batch_size, 2), -(-batch_size // MAX_ANCHORS))
    return SoftmaxMemory(
        np.full(n_nodes, ABSENT),
        np.empty(n_entries, dtype=np.int32),
        np.empty(n_entries, dtype=np.int32),
        np.empty(n_entries, dtype=np.int32),
        np.empty((n_rows, width), dtype=np.float32),
        np.empty(n_rows, dtype=np.float32),
        np.empty((batch_size, n_columns), dtype=np.float32),
        np.empty((batch_size, width), dtype=np.float32),
        np.empty((n_chunks, n_columns, width), dtype=np.float32),
        np.empty(n_chunks),
    )


@kernel()
def softmax_steps(
    triples: IntArray,
    batch_size: int,
    loss_function: CompiledSoftmax,
    state: AdamState,
    n_steps_before: int,
    learning_rate: float,
    memory: SoftmaxMemory,
    n_threads: int,
) -> float:
    """Take one step for each batch of `triples` and return the sum of the losses.

    Args:
        triples: int64 of shape (2, n): users and their items, as rows of the table; (3, n) with sampled negatives.
        batch_size: Triples a step; the last step may have fewer.
        loss_function: The loss.
        state: The table and Adam's moments, each float32 of shape (n_nodes, d), changed.
        n_steps_before: Number of steps that Adam has already taken.
        learning_rate: Adam's step size.
        memory: The result of `softmax_memory`.
        n_threads: Number of threads; they never change the result. `numba.get_num_threads` also starts them, which a
            kernel that was read from disk and only calls parallel ones does not.
    """
    total, step = 0.0, n_steps_before
    temperature = np.float32(loss_function.temperature)
    for start in range(0, triples.shape[1], batch_size):
        batch = np.ascontiguousarray(triples[:, start : start + batch_size])
        step += 1
        adam = adam_constants(step, learning_rate)
        rows, size, reweighting = batch.reshape(-1), batch.shape[1], loss_function.reweighting
        offsets = loss_function.offsets
        total += softmax_step(rows, size, offsets, temperature, reweighting, state, adam, memory, n_threads)
    return total


@kernel(parallel=True, fastmath=FASTMATH)
def softmax_step(
    rows: IntArray,
    size: int,
    offsets: FloatArray,
    temperature: Any,
    reweighting: Reweighting | None,
    state: AdamState,
    adam: Any,
    memory: SoftmaxMemory,
    n_threads: int,
) -> float:
    """Take one step and return its loss; `rows` are the anchors, then the columns."""
    position, nodes, first, following, units, scales, logit_memory, anchor_gradients, share_memory, losses = memory
    values, mean, square = state
    n_rows, width = len(rows), values.shape[1]
    n_columns, n_anchors = n_rows - size, anchors_of_chunk(logit_memory, losses)
    n_chunks = (size + n_anchors - 1) // n_anchors
    items, columns = rows[size:], units[size:n_rows]
    logits, shares = leading(logit_memory, size, n_columns), leading(share_memory, n_chunks, n_columns)
    n_distinct = link_entries(rows, position, nodes, first, following)
    for run in numba.prange(n_threads):
        for entry in range(run * n_rows // n_threads, (run + 1) * n_rows // n_threads):
            scales[entry] = normalize(values[rows[entry]], units[entry])
    if reweighting is not None:
        users, distances = rows[:size], np.empty(n_distinct)
        pools = pool_positives(users, units[:size], columns, reweighting)
    for chunk in numba.prange(n_chunks):
        start, stop = chunk * n_anchors, min((chunk + 1) * n_anchors, size)
        part, anchors = logits[start:stop], units[start:stop]
        np.dot(anchors, columns.T, part)
        if reweighting is None:
            losses[chunk] = softmax_gradient(part, start, items, offsets, temperature, size)
        else:
            losses[chunk] = reweighted_gradient(part, start, items, users, offsets, temperature, reweighting, pools)
        np.dot(part, columns, anchor_gradients[start:stop])
        np.dot(part.T, anchors, shares[chunk])
    for run in numba.prange(n_threads):
        gradient = np.empty(width, dtype=np.float32)
        for index in range(run * n_distinct // n_threads, (run + 1) * n_distinct // n_threads):
            node, entry = nodes[index], first[index]
            unit, scale = units[entry], scales[entry]
            _sum_gradients(entry, following, size, anchor_gradients, shares, gradient)
            if reweighting is not None:
                distances[index] = pull_to_start(gradient, unit, node, size, reweighting)
            project(gradient, unit, scale)
            adam_row(gradient, values[node], mean[node], square[node], adam)
            position[node] = ABSENT
    total = 0.0
    for chunk in range(n_chunks):
        total += losses[chunk]
    return total if reweighting is None else total + distances.sum()


@kernel()
def anchors_of_chunk(logits: FloatArray, losses: Any) -> int:
    """Return how many users have their logits computed together, from the memory of whole batches and their chunks."""
    return (len(logits) + len(losses) - 1) // len(losses)


@kernel()
def leading(memory: FloatArray, n_first: int, n_second: int) -> FloatArray:
    """Return memory of shape (n_first, n_second) or (n_first, n_second, d).

    It is the beginning of a larger block, so that what BLAS reads and writes is contiguous in a short last batch too.
    """
    shape = (n_first, n_second, *memory.shape[2:])
    size = n_first * n_second * (memory.size // (memory.shape[0] * memory.shape[1]))
    return memory.reshape(-1)[:size].reshape(shape)


@kernel()
def link_entries(rows: IntArray, position: NodeArray, nodes: NodeArray, first: NodeArray, following: NodeArray) -> int:
    """Chain the entries of each distinct row, and return how many distinct rows there are."""
    count = 0
    for entry in range(len(rows) - 1, -1, -1):
        node = rows[entry]
        index = position[node]
        if index == ABSENT:
            index = count
            position[node] = index
            nodes[index] = node
            following[entry] = ABSENT
            count += 1
        else:
            following[entry] = first[index]
        first[index] = entry
    return count


@kernel(fastmath=FASTMATH)
def normalize(row: FloatArray, unit: FloatArray) -> Any:
    """Set `unit` to the row at length 1, and return one over the row's length; both may be the same array."""
    scale = np.float32(1 / max(np.sqrt(dot(row, row)), MIN_LENGTH))
    for column in range(len(row)):
        unit[column] = row[column] * scale
    return scale


@kernel(fastmath=FASTMATH)
def softmax_gradient(
    cosines: FloatArray, start: int, items: IntArray, offsets: FloatArray, temperature: Any, size: int
) -> float:
    """Replace the cosines of some anchors by the gradient of the mean loss, and return their share of the loss.

    Columns with the anchor's own item, other than its entry, are left out.
    """
    total = 0.0
    inverse = np.float32(1) / temperature
    # Cosines are at most 1, so this shift keeps every exponential from overflowing.
    lowest = np.float32(0)
    for column in range(len(items) if len(offsets) else 0):
        lowest = min(lowest, offsets[items[column]])
    for index in range(len(cosines)):
        row, own = cosines[index], start + index
        item = items[own]
        partition = np.float32(0)
        if len(offsets):
            match = (row[own] - 1) * inverse - (offsets[item] - lowest)
            for column in range(len(row)):
                row[column] -= (offsets[items[column]] - lowest) * temperature
        else:
            match = (row[own] - 1) * inverse
        for column in range(len(row)):
            value = exp((row[column] - 1) * inverse)
            value = np.float32(0) if items[column] == item and column != own else value
            row[column] = value
            partition += value
        total += np.log(partition) - match
        factor = inverse / (partition * np.float32(size))
        for column in range(len(row)):
            row[column] *= factor
        row[own] -= inverse / np.float32(size)
    return total / size


@kernel(fastmath=FASTMATH)
def _sum_gradients(
    entry: int, following: NodeArray, size: int, anchors: FloatArray, shares: FloatArray, gradient: FloatArray
) -> None:
    """Sum the gradients of a row's entries: of anchors, and of columns over all chunks."""
    gradient[:] = np.float32(0)
    while entry != ABSENT:
        if entry < size:
            add(anchors[entry], gradient)
        else:
            for chunk in range(len(shares)):
                add(shares[chunk, entry - size], gradient)
        entry = following[entry]


@kernel(fastmath=FASTMATH)
def project(gradient: FloatArray, unit: FloatArray, scale: Any) -> None:
    """Turn the gradient of a row of length 1 into that of the row that was normalised."""
    along = dot(unit, gradient)
    for column in range(len(gradient)):
        gradient[column] = (gradient[column] - along * unit[column]) * scale


@kernel(fastmath=FASTMATH)
def add(values: FloatArray, total: FloatArray) -> None:
    """Add a row to another."""
    for column in range(len(total)):
        total[column] += values[column]
