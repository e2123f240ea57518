"""Compiled loops of the contrastive loss. Each has a slow, obvious twin in tests/oracles.py."""

from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from llminit.arrays import FloatArray, IntArray

# Keeps the logarithm of BPR finite, as in RecBole's BPRLoss.
BPR_GAMMA = 1e-10

# Sums may be reordered; NaN stays NaN.
_EXACT = {"reassoc", "contract", "nsz"}

# Candidates whose gradients are turned round together; sixteen float32 are one line of the cache.
_TILE = 16

_LOG2_E = np.float32(1.4426950408889634)
# log 2 in two parts, the first with few digits, so that k * log 2 is exact enough (Cody and Waite's reduction).
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693145751953125), np.float32(1.4286068203094172e-06)
_LARGEST, _SMALLEST = np.float32(88), np.float32(-87)
# A row shorter than this has no direction.
_SHORTEST = np.float32(1e-12)
_HALF, _ONE = np.float32(0.5), np.float32(1)
# 1/k! for k = 7 ... 2, adjusted in the last digits to |r| <= log(2) / 2 (Cephes, expf).
_COEFFICIENTS = tuple(
    np.float32(value)
    for value in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)


@intrinsic
def _float_of_bits(_typing: Any, _bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@numba.njit(cache=True, fastmath=_EXACT, inline="always")
def _exp(x: Any) -> Any:
    """Return e^x to a relative error of 3e-7, in operations that vectorise; x is held between -87 and 88."""
    a, b, c, d, e, f = _COEFFICIENTS
    x = _LARGEST if x > _LARGEST else x
    x = _SMALLEST if x < _SMALLEST else x
    power = np.floor(x * _LOG2_E + _HALF)
    rest = (x - power * _LOG_2_HIGH) - power * _LOG_2_LOW
    series = ((((a * rest + b) * rest + c) * rest + d) * rest + e) * rest + f
    return (series * rest * rest + rest + _ONE) * _float_of_bits((np.int32(power) + np.int32(127)) << np.int32(23))


@numba.njit(cache=True, fastmath=_EXACT)
def _exponentials_of_row(dots: FloatArray, scales: FloatArray, shift: Any) -> Any:
    """Turn one row into E * scales and return the sum of E."""
    total = np.float32(0)
    for candidate in range(len(dots)):
        value = _exp(dots[candidate] * scales[candidate] - shift)
        total += value
        dots[candidate] = value * scales[candidate]
    return total


@numba.njit(parallel=True, cache=True, fastmath=_EXACT)
def exponentials(dots: FloatArray, scales: FloatArray, shifts: FloatArray, matches: IntArray, sums: FloatArray) -> None:
    """With E[a, c] = exp(dots[a, c] * scales[c] - shifts[a]), add E's row sums to `sums` and set dots = E * scales.

    The match of an anchor is left out: it is not in the sum, and its entry becomes 0.

    Args:
        dots: float32 of shape (n_anchors, n_candidates), changed.
        scales: float32 of shape (n_candidates,).
        shifts: float32 of shape (n_anchors,).
        matches: int64 of shape (n_anchors,), columns; one that does not exist leaves nothing out.
        sums: float32 of shape (n_anchors,), added to.
    """
    n_anchors, n_candidates = dots.shape
    for anchor in numba.prange(n_anchors):
        row, shift, match = dots[anchor], shifts[anchor], matches[anchor]
        if 0 <= match < n_candidates:
            sums[anchor] += _exponentials_of_row(row[:match], scales[:match], shift)
            sums[anchor] += _exponentials_of_row(row[match + 1 :], scales[match + 1 :], shift)
            row[match] = 0
        else:
            sums[anchor] += _exponentials_of_row(row, scales, shift)


@numba.njit(parallel=True, cache=True, fastmath=_EXACT)
def tangents(turned: FloatArray, rows: FloatArray, scales: FloatArray, out: FloatArray) -> None:
    """Set out[c] = g - rows[c] * scales[c]^2 * (rows[c] . g) with g = turned[:, c], the part of g across the row.

    Args:
        turned: float32 of shape (d, n), gradients as columns.
        rows: float32 of shape (n, d).
        scales: float32 of shape (n,), one over each row's norm.
        out: float32 of shape (n, d), filled.
    """
    width, count = turned.shape
    for tile in numba.prange((count + _TILE - 1) // _TILE):
        begin = tile * _TILE
        length = min(_TILE, count - begin)
        part = turned[:, begin : begin + length]
        gradients = np.empty((_TILE, width), dtype=np.float32)
        for column in range(width):
            line = part[column]
            for place in range(length):
                gradients[place, column] = line[place]
        for place in range(length):
            gradient, row, target = gradients[place], rows[begin + place], out[begin + place]
            along = np.float32(0)
            for column in range(width):
                along += row[column] * gradient[column]
            along *= scales[begin + place] * scales[begin + place]
            for column in range(width):
                target[column] = gradient[column] - along * row[column]


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def bpr_gradient(rows: FloatArray, triples: IntArray, position: Any, scale: float, gradient: FloatArray) -> Any:
    """Return BPR of a batch and add its gradient, both as `losses.bpr` has them.

    Args:
        rows: float32 of shape (n_listed, d), embeddings over `scale`, by position.
        triples: int64 of shape (3, n): users, positives and negatives.
        position: int32 of shape (n_nodes,), each node's row.
        scale: What `rows` are to be multiplied by.
        gradient: float32 of shape (n_listed, d), the gradient by `rows`, added to.
    """
    n_triples, width = triples.shape[1], rows.shape[1]
    square = np.float32(scale * scale)
    total = 0.0
    for place in range(n_triples):
        user, positive, negative = (
            position[triples[0, place]],
            position[triples[1, place]],
            position[triples[2, place]],
        )
        user_row, positive_row, negative_row = rows[user], rows[positive], rows[negative]
        margin = np.float32(0)
        for column in range(width):
            margin += user_row[column] * (positive_row[column] - negative_row[column])
        sigmoid = 1 / (1 + np.exp(-np.float64(margin * square)))
        total -= np.log(sigmoid + BPR_GAMMA)
        slope = square * np.float32((sigmoid - 1) * sigmoid / ((sigmoid + BPR_GAMMA) * n_triples))
        for column in range(width):
            of_user = user_row[column]
            gradient[user, column] += slope * (positive_row[column] - negative_row[column])
            gradient[positive, column] += slope * of_user
            gradient[negative, column] -= slope * of_user
    return total / n_triples


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def norm_gradient(embeddings: FloatArray, parts: IntArray, position: Any, weight: float, gradient: FloatArray) -> float:
    """Return `weight` times `losses.embedding_norm` of a batch and add its gradient.

    Args:
        embeddings: float32 of shape (n_nodes, d).
        parts: int64 of shape (3, n), nodes; each row's Frobenius norm counts by itself.
        position: int32 of shape (n_nodes,), each node's row of `gradient`.
        weight: Of the norm.
        gradient: float32 of shape (n_listed, d), added to.
    """
    n_parts, length = parts.shape
    total = 0.0
    for part in range(n_parts):
        square = 0.0
        for node in parts[part]:
            square += _dot(embeddings[node], embeddings[node])
        norm = np.sqrt(square)
        total += weight * norm / length
        factor = np.float32(weight / (norm * length)) if norm > 0 else np.float32(0)
        for node in parts[part]:
            target, row = gradient[position[node]], embeddings[node]
            for column in range(len(row)):
                target[column] += factor * row[column]
    return total


@numba.njit(cache=True, error_model="numpy")
def supervised_contrastive_gradient(
    rows: FloatArray, pairs: IntArray, position: Any, temperature: float, gradient: FloatArray
) -> Any:
    """Return SGCL's loss of a batch and add its gradient, both as `losses.supervised_contrastive` has them.

    Args:
        rows: float32 of shape (n_listed, d), embeddings by position; their scale plays no part.
        pairs: int64 of shape (2, n): users and their items.
        position: int32 of shape (n_nodes,), each node's row.
        temperature: Divides cosine similarities.
        gradient: float32 of shape (n_listed, d), the gradient by `rows`, added to.
    """
    inverse = np.float32(1 / temperature)
    users, user_scales = _directions(rows, pairs[0], position)
    items, item_scales = _directions(rows, pairs[1], position)
    among_users, among_items = np.dot(users, users.T), np.dot(items, items.T)
    totals = _exponentials_in_place(among_users, inverse) + _exponentials_in_place(among_items, inverse)
    loss = 0.0
    for place in range(len(totals)):
        loss += np.log(totals[place]) + (1 - _dot(users[place], items[place])) * inverse
    _symmetric_shares(among_users, totals)
    _symmetric_shares(among_items, totals)
    _add_across(np.dot(among_users, users), items, users, user_scales, pairs[0], position, inverse, gradient)
    _add_across(np.dot(among_items, items), users, items, item_scales, pairs[1], position, inverse, gradient)
    return loss


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _directions(rows: FloatArray, nodes: IntArray, position: Any) -> tuple[FloatArray, FloatArray]:
    """Return each node's row with length 1, and one over the length that it had."""
    units = np.empty((len(nodes), rows.shape[1]), dtype=np.float32)
    scales = np.empty(len(nodes), dtype=np.float32)
    for place in range(len(nodes)):
        row, unit = rows[position[nodes[place]]], units[place]
        scale = np.float32(1 / max(np.sqrt(_dot(row, row)), _SHORTEST))
        scales[place] = scale
        for column in range(len(row)):
            unit[column] = row[column] * scale
    return units, scales


@numba.njit(cache=True, fastmath=_EXACT)
def _exponentials_in_place(cosines: FloatArray, inverse: Any) -> FloatArray:
    """Replace each cosine c by exp((c - 1) * inverse), which cannot overflow, and return the sums of rows."""
    totals = np.empty(len(cosines), dtype=np.float32)
    for place in range(len(cosines)):
        row, total = cosines[place], np.float32(0)
        for column in range(len(row)):
            value = _exp((row[column] - _ONE) * inverse)
            row[column] = value
            total += value
        totals[place] = total
    return totals


@numba.njit(cache=True, fastmath=_EXACT, error_model="numpy")
def _symmetric_shares(exponentials: FloatArray, totals: FloatArray) -> None:
    """Replace the symmetric E by P + P', where P's rows are E's over their totals."""
    shares = _ONE / totals
    for place in range(len(shares)):
        row, share = exponentials[place], shares[place]
        for column in range(len(row)):
            row[column] *= share + shares[column]


@numba.njit(cache=True, fastmath=_EXACT)
def _add_across(
    pulls: FloatArray,
    partners: FloatArray,
    units: FloatArray,
    scales: FloatArray,
    nodes: IntArray,
    position: Any,
    inverse: Any,
    gradient: FloatArray,
) -> None:
    """Add (pulls - partners) * inverse to each node's gradient, less what lies along its own direction."""
    for place in range(len(nodes)):
        pull, partner, unit, target = pulls[place], partners[place], units[place], gradient[position[nodes[place]]]
        along = _dot(unit, pull) - _dot(unit, partner)
        factor = scales[place] * inverse
        for column in range(len(unit)):
            target[column] += factor * (pull[column] - partner[column] - along * unit[column])


@numba.njit(cache=True, fastmath=_EXACT)
def _dot(left: FloatArray, right: FloatArray) -> Any:
    total = np.float32(0)
    for column in range(len(left)):
        total += left[column] * right[column]
    return total
