"""Softmax losses that weigh the pairs or the negatives of a batch anew, and the anchor; see `softmax.py`.

All have the softmax's matrix of cosines and its three products: a kernel here replaces the cosines of some anchors by
the gradient of the loss. `llminit.models.softmax_losses` has the formulas, and the plain twins.
"""

from typing import Any, NamedTuple

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.exponential import exp
from llminit.compiled.rows import dot

SOFTMAX, SL_AT_K, BSL, PSL_TANH, PSL_ATAN, PSL_RELU = range(6)

_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)
_LEAST = np.float32(1e-6)
"""The least value of a surrogate, whose logarithm is taken."""


class Reweighting(NamedTuple):
    """What a loss does beside the plain softmax.

    Attributes:
        kind: Which loss; `SOFTMAX` for the plain one with an anchor.
        inner_temperature: Of the weights of SL@K, or of the positives of BSL.
        power: The exponent of the sum over negatives, of BSL.
        quantiles: float32 of shape (n_users,), of SL@K; or of shape (0,).
        anchor_weight: Weight of the distances of the touched rows to their start.
        starts: float32 of shape (n_rows, d), the rows' start at length 1; of shape (0, d) without an anchor.
    """

    kind: int
    inner_temperature: float
    power: float
    quantiles: FloatArray
    anchor_weight: float
    starts: FloatArray


@kernel(fastmath=FASTMATH)
def reweighted_gradient(
    cosines: FloatArray,
    start: int,
    items: IntArray,
    users: IntArray,
    offsets: FloatArray,
    temperature: Any,
    reweighting: Reweighting,
    pools: FloatArray,
) -> float:
    """Replace the cosines of some anchors by the gradient of the mean loss, and return their share of the loss.

    Args:
        cosines: float32 of shape (n, n_columns), changed; -inf where a column is no negative.
        start: The first anchor's number in the batch.
        items: int64 of shape (n_columns,); the columns begin with the anchors' own.
        users: int64 of shape (B,), codes of the batch's users.
        offsets: float32 of shape (n_nodes,), taken from the logits of items; or of shape (0,).
        temperature: What cosines are divided by.
        reweighting: The loss.
        pools: The result of `pool_positives`.
    """
    total, mean = 0.0, _ONE / np.float32(len(users))
    inverse = _ONE / temperature
    shifts = _shifts(items, offsets)
    ratios = np.empty(len(items), dtype=np.float32)
    for index in range(len(cosines)):
        row, own = cosines[index], start + index
        cosine, slope, weight = row[own], np.float32(0), _ONE
        if reweighting.kind >= PSL_TANH:
            total += _pairwise_row(row, own, items, shifts, inverse, reweighting.kind, ratios)
        else:
            loss = _softmax_row(row, own, items, shifts, inverse)
            if reweighting.kind == SL_AT_K:
                sharpness = np.float32(1 / reweighting.inner_temperature)
                weight = _ONE / (_ONE + exp((reweighting.quantiles[users[own]] - cosine) * sharpness))
                slope = np.float32(loss) * weight * (_ONE - weight) * sharpness
                loss *= weight
            elif reweighting.kind == BSL:
                weight = np.float32(reweighting.power)
                slope = weight * inverse - pools[0, own]
                loss = weight * (loss + cosine * inverse) - pools[1, own]
            total += loss
            weight *= inverse
        for column in range(len(row)):
            row[column] *= weight * mean
        row[own] += slope * mean
    return total / len(users)


@kernel(fastmath=FASTMATH)
def pool_positives(users: IntArray, anchors: FloatArray, columns: FloatArray, reweighting: Reweighting) -> FloatArray:
    """Return what BSL needs of the batch's positives, which it pools by user.

    Args:
        users: int64 of shape (B,), the anchors' users.
        anchors: float32 of shape (B, d), at length 1.
        columns: float32 of shape (n_columns, d), at length 1; the first B are the anchors' own.
        reweighting: The loss.

    Returns:
        float32 of shape (2, B): the slope of the loss against each own cosine, and the logarithm of the mean of
        exp(cosine / temperature) over the pairs of the user; of shape (2, 0) for other losses.
    """
    if reweighting.kind != BSL:
        return np.empty((2, 0), dtype=np.float32)
    pools = np.empty((2, len(users)), dtype=np.float32)
    inverse = np.float32(1 / reweighting.inner_temperature)
    order = np.argsort(users, kind="mergesort")
    start = 0
    while start < len(order):
        stop, total = start, np.float32(0)
        while stop < len(order) and users[order[stop]] == users[order[start]]:
            pair = order[stop]
            pools[0, pair] = exp((dot(anchors[pair], columns[pair]) - _ONE) * inverse)
            total += pools[0, pair]
            stop += 1
        count = np.float32(stop - start)
        for place in range(start, stop):
            pools[0, order[place]] *= count * inverse / total
            pools[1, order[place]] = np.log(total / count) + inverse
        start = stop
    return pools


@kernel(fastmath=FASTMATH)
def pull_to_start(gradient: FloatArray, unit: FloatArray, node: int, size: int, reweighting: Reweighting) -> Any:
    """Add the anchor's gradient with respect to a row of length 1, and return the anchor's loss.

    What is along the row is left out: `project` would take it away.
    """
    if reweighting.anchor_weight == 0:
        return 0.0
    target = reweighting.starts[node]
    weight = np.float32(reweighting.anchor_weight / size)
    for column in range(len(gradient)):
        gradient[column] -= weight * target[column]
    return 0.5 * weight * (dot(unit, unit) + dot(target, target) - 2 * dot(unit, target))


@kernel(fastmath=FASTMATH)
def _shifts(items: IntArray, offsets: FloatArray) -> FloatArray:
    """Return the offset of each column, less the lowest: float32 of shape (n_columns,)."""
    shifts = np.zeros(len(items), dtype=np.float32)
    if len(offsets):
        for column in range(len(items)):
            shifts[column] = offsets[items[column]]
        shifts -= min(shifts.min(), np.float32(0))
    return shifts


@kernel(fastmath=FASTMATH)
def _softmax_row(row: FloatArray, own: int, items: IntArray, shifts: FloatArray, inverse: Any) -> Any:
    """Replace cosines by probabilities less one for the own item, and return the cross-entropy."""
    partition, match = np.float32(0), (row[own] - _ONE) * inverse - shifts[own]
    for column in range(len(row)):
        # Cosines are at most 1, so this shift keeps every exponential from overflowing.
        value = exp((row[column] - _ONE) * inverse - shifts[column])
        value = np.float32(0) if items[column] == items[own] and column != own else value
        row[column] = value
        partition += value
    factor = _ONE / partition
    for column in range(len(row)):
        row[column] *= factor
    row[own] -= _ONE
    return np.log(partition) - match


@kernel(fastmath=FASTMATH)
def _pairwise_row(
    row: FloatArray, own: int, items: IntArray, shifts: FloatArray, inverse: Any, kind: int, ratios: FloatArray
) -> Any:
    """Replace cosines by the slopes of PSL against them, and return the loss; `ratios` is working memory."""
    cosine, item, sharpness = row[own], items[own], _TWO * inverse
    # No difference is larger than that to a cosine of 1, so this shift keeps every exponential from overflowing.
    highest = np.log(_surrogate((_ONE - cosine) * _HALF, kind)[0])
    partition = np.float32(0)
    for column in range(len(row)):
        value, slope = _surrogate((row[column] - cosine) * _HALF, kind)
        ratios[column] = slope / value
        power = exp((np.log(value) - highest) * sharpness - shifts[column])
        is_left_out = (items[column] == item and column != own) or row[column] == -np.inf
        row[column] = np.float32(0) if is_left_out else power
        partition += row[column]
    factor, total = inverse / partition, np.float32(0)
    row[own] = np.float32(0)
    for column in range(len(row)):
        row[column] *= factor * ratios[column]
        total += row[column]
    row[own] = -total
    return np.log(partition) + highest * sharpness + shifts[own]


@kernel(fastmath=FASTMATH)
def _surrogate(difference: Any, kind: int) -> tuple[Any, Any]:
    """Return PSL's surrogate of the step at zero, which is one there, and its slope."""
    # The difference of a column that is left out is -inf.
    difference = max(difference, -_ONE)
    if kind == PSL_TANH:
        tanh = _ONE - _TWO / (exp(_TWO * difference) + _ONE)
        return _ONE + tanh, _ONE - tanh * tanh
    if kind == PSL_ATAN:
        return _ONE + np.arctan(difference), _ONE / (_ONE + difference * difference)
    return max(difference + _ONE, _LEAST), _ONE
