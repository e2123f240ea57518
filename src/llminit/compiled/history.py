"""Whole training steps of sampled softmax whose users are made of their histories; see `softmax.py`.

A step's cost depends on the batch, the width and the lengths of the batch's histories, never on the catalogue: the
distinct items of the batch and of its histories are normalised once, each pair sums those of its history, and what the
sums' gradients say goes back to the same rows. `llminit.models.backbones.history` has the plain twin.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState, adam_constants, adam_row
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.graph import ABSENT, NodeArray
from llminit.compiled.reweighted import Reweighting, pool_positives, pull_to_start, reweighted_gradient
from llminit.compiled.softmax import (
    SoftmaxMemory,
    add,
    anchors_of_chunk,
    leading,
    link_entries,
    normalize,
    project,
    softmax_gradient,
    softmax_memory,
)


class CompiledHistory(NamedTuple):
    """The loss of a compiled step.

    Attributes:
        starts: int64 of shape (n_users + 1,), where each user's history begins in `items`.
        items: int64 of shape (n_interactions,), item codes.
        offsets: float32 of shape (n_items,), taken from the logits of items; or of shape (0,).
        temperature: What cosines are divided by.
        mask_history: Whether items of a user's own history are no negatives of theirs.
        reweighting: What the loss does beside the plain softmax; None where it is that.
    """

    starts: IntArray
    items: IntArray
    offsets: FloatArray
    temperature: float
    mask_history: bool
    reweighting: Reweighting | None = None

    def n_entries(self, users: IntArray, batch_size: int) -> int:
        """Return the length of the histories of a batch's pairs together, in the batch where it is largest.

        Args:
            users: int64 of shape (n,), user codes of the pairs.
            batch_size: Pairs a batch.
        """
        lengths = np.diff(self.starts)[users]
        return int(np.add.reduceat(lengths, np.arange(0, len(users), batch_size)).max(initial=0))


class HistoryMemory(NamedTuple):
    """The arrays that steps write to, for B pairs and their entries: the columns, then the histories' items.

    Attributes:
        softmax: The arrays that the softmax needs; there, units are the users', then the columns'.
        rows: int64 of shape (n_entries,), the items of the entries.
        pairs: int32 of shape (n_entries,), the pair that a history's entry belongs to.
        starts: int64 of shape (B + 1,), where each pair's history begins among the entries.
        units: float32 of shape (n_distinct, d), the distinct items' rows at length 1.
        scales: float32 of shape (n_distinct,), one over their original lengths.
    """

    softmax: SoftmaxMemory
    rows: IntArray
    pairs: NodeArray
    starts: IntArray
    units: FloatArray
    scales: FloatArray


def history_memory(n_items: int, width: int, batch_size: int, n_parts: int, n_entries: int) -> HistoryMemory:
    """Return memory for steps of `batch_size` triples, or pairs, whose histories have `n_entries` items together."""
    n_entries += (n_parts - 1) * batch_size
    n_distinct = min(n_items, n_entries)
    return HistoryMemory(
        softmax_memory(n_items, width, batch_size, n_parts, n_entries),
        np.empty(n_entries, dtype=np.int64),
        np.empty(n_entries, dtype=np.int32),
        np.empty(batch_size + 1, dtype=np.int64),
        np.empty((n_distinct, width), dtype=np.float32),
        np.empty(n_distinct, dtype=np.float32),
    )


@kernel()
def history_steps(
    triples: IntArray,
    batch_size: int,
    loss_function: CompiledHistory,
    state: AdamState,
    n_steps_before: int,
    learning_rate: float,
    memory: HistoryMemory,
    n_threads: int,
) -> float:
    """Take one step for each batch of `triples` and return the sum of the losses.

    Args:
        triples: int64 of shape (2, n): users and their items, as nodes; (3, n) with sampled negatives.
        batch_size: Triples a step; the last step may have fewer.
        loss_function: The loss.
        state: The item table and Adam's moments, each float32 of shape (n_items, d), changed.
        n_steps_before: Number of steps that Adam has already taken.
        learning_rate: Adam's step size.
        memory: The result of `history_memory`.
        n_threads: Number of threads, as in `softmax_steps`.
    """
    total, step, n_users = 0.0, n_steps_before, len(loss_function.starts) - 1
    for start in range(0, triples.shape[1], batch_size):
        batch = np.ascontiguousarray(triples[:, start : start + batch_size])
        step += 1
        adam = adam_constants(step, learning_rate)
        users, columns, reweighting = batch[0], batch[1:].reshape(-1) - n_users, loss_function.reweighting
        total += history_step(users, columns, loss_function, reweighting, state, adam, memory, n_threads)
    return total


@kernel(parallel=True, fastmath=FASTMATH)
def history_step(
    users: IntArray,
    items: IntArray,
    loss_function: CompiledHistory,
    reweighting: Reweighting | None,
    state: AdamState,
    adam: Any,
    memory: HistoryMemory,
    n_threads: int,
) -> float:
    """Take one step and return its loss; the first of `items` are the users' own."""
    softmax, rows, pairs, starts, _, _ = memory
    position, nodes, first, following, logit_units, anchor_scales, logit_memory = softmax[:7]
    anchor_gradients, share_memory, losses = softmax[7:]
    size, n_columns = len(users), len(items)
    n_anchors, temperature = anchors_of_chunk(logit_memory, losses), np.float32(loss_function.temperature)
    n_chunks = (size + n_anchors - 1) // n_anchors
    anchors, columns = logit_units[:size], logit_units[size : size + n_columns]
    logits, shares = leading(logit_memory, size, n_columns), leading(share_memory, n_chunks, n_columns)
    n_entries = _list_entries(users, items, loss_function, rows, pairs, starts)
    n_distinct = link_entries(rows[:n_entries], position, nodes, first, following)
    _fill_units(n_distinct, items, state.values, memory, anchors, columns, n_threads)
    # numba cannot hand a loss that holds a named tuple to its threads.
    masks, offsets = loss_function.mask_history, loss_function.offsets
    if reweighting is not None:
        pools = pool_positives(users, anchors, columns, reweighting)
    for chunk in numba.prange(n_chunks):
        start, stop = chunk * n_anchors, min((chunk + 1) * n_anchors, size)
        part, gradients = logits[start:stop], anchor_gradients[start:stop]
        np.dot(anchors[start:stop], columns.T, part)
        if masks:
            _mask(part, rows, starts[start : stop + 1], position, first, following, n_columns)
        if reweighting is None:
            losses[chunk] = softmax_gradient(part, start, items, offsets, temperature, size)
        else:
            losses[chunk] = reweighted_gradient(part, start, items, users, offsets, temperature, reweighting, pools)
        np.dot(part, columns, gradients)
        np.dot(part.T, anchors[start:stop], shares[chunk])
        for index in range(stop - start):
            project(gradients[index], anchors[start + index], anchor_scales[start + index])
    total = _update_rows(n_distinct, n_columns, size, shares, reweighting, state, adam, memory, n_threads)
    for chunk in range(n_chunks):
        total += losses[chunk]
    return total


@kernel(parallel=True, fastmath=FASTMATH)
def _fill_units(
    n_distinct: int,
    items: IntArray,
    values: FloatArray,
    memory: HistoryMemory,
    anchors: FloatArray,
    columns: FloatArray,
    n_threads: int,
) -> None:
    """Fill the units of the distinct items, of the pairs' users and of the columns."""
    softmax, rows, _, starts, units, scales = memory
    position, nodes, anchor_scales, size = softmax.position, softmax.nodes, softmax.scales, len(anchors)
    for run in numba.prange(n_threads):
        for index in range(run * n_distinct // n_threads, (run + 1) * n_distinct // n_threads):
            scales[index] = normalize(values[nodes[index]], units[index])
    for run in numba.prange(n_threads):
        for pair in range(run * size // n_threads, (run + 1) * size // n_threads):
            _sum_units(rows[starts[pair] : starts[pair + 1]], position, units, anchors[pair])
            anchor_scales[pair] = normalize(anchors[pair], anchors[pair])
        for column in range(run * len(items) // n_threads, (run + 1) * len(items) // n_threads):
            columns[column] = units[position[items[column]]]


@kernel(parallel=True, fastmath=FASTMATH)
def _update_rows(
    n_distinct: int,
    n_columns: int,
    size: int,
    shares: FloatArray,
    reweighting: Reweighting | None,
    state: AdamState,
    adam: Any,
    memory: HistoryMemory,
    n_threads: int,
) -> float:
    """Take Adam's step for the distinct items, clear their positions and return the anchor's loss."""
    softmax, _, pairs, _, units, scales = memory
    position, nodes, first, following = softmax[:4]
    anchor_gradients, (values, mean, square) = softmax.anchors, state
    if reweighting is not None:
        distances = np.empty(n_distinct)
    for run in numba.prange(n_threads):
        gradient = np.empty(shares.shape[2], dtype=np.float32)
        for index in range(run * n_distinct // n_threads, (run + 1) * n_distinct // n_threads):
            node = nodes[index]
            _sum_gradients(first[index], following, n_columns, pairs, anchor_gradients, shares, gradient)
            if reweighting is not None:
                distances[index] = pull_to_start(gradient, units[index], node, size, reweighting)
            project(gradient, units[index], scales[index])
            adam_row(gradient, values[node], mean[node], square[node], adam)
            position[node] = ABSENT
    return 0.0 if reweighting is None else distances.sum()


@kernel()
def _list_entries(
    users: IntArray, items: IntArray, histories: CompiledHistory, rows: IntArray, pairs: NodeArray, starts: IntArray
) -> int:
    """List the columns' items, then those of each pair's history but its own, and return how many there are."""
    rows[: len(items)] = items
    count = len(items)
    for pair in range(len(users)):
        user, own = users[pair], items[pair]
        starts[pair] = count
        for entry in range(histories.starts[user], histories.starts[user + 1]):
            rows[count], pairs[count] = histories.items[entry], pair
            count += histories.items[entry] != own
    starts[len(users)] = count
    return count


@kernel(fastmath=FASTMATH)
def _sum_units(items: IntArray, position: NodeArray, units: FloatArray, total: FloatArray) -> None:
    total[:] = np.float32(0)
    for item in items:
        add(units[position[item]], total)


@kernel()
def _mask(
    cosines: FloatArray,
    rows: IntArray,
    starts: IntArray,
    position: NodeArray,
    first: NodeArray,
    following: NodeArray,
    n_columns: int,
) -> None:
    """Set the cosines of columns whose item is in the pair's history to minus infinity."""
    for index in range(len(cosines)):
        for listed in range(starts[index], starts[index + 1]):
            # Columns are the first entries, and the entries of an item follow one another in order.
            entry = first[position[rows[listed]]]
            while entry != ABSENT and entry < n_columns:
                cosines[index, entry] = -np.inf
                entry = following[entry]


@kernel(fastmath=FASTMATH)
def _sum_gradients(
    entry: int,
    following: NodeArray,
    n_columns: int,
    pairs: NodeArray,
    anchors: FloatArray,
    shares: FloatArray,
    gradient: FloatArray,
) -> None:
    """Sum the gradients of an item's entries: of columns over all chunks, and of the users that are made of it."""
    gradient[:] = np.float32(0)
    while entry != ABSENT:
        if entry < n_columns:
            for chunk in range(len(shares)):
                add(shares[chunk, entry], gradient)
        else:
            add(anchors[pairs[entry]], gradient)
        entry = following[entry]
