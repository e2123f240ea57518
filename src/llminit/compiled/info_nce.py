"""The loops of InfoNCE against all rows; `llminit.models.info_nce` explains the mathematics and calls them."""

from typing import Any

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.exponential import exp

# Candidates whose gradients are transposed together; sixteen float32 are one cache values.
_TILE = 16


@kernel(fastmath=FASTMATH)
def _exponentials_of_row(dots: FloatArray, scales: FloatArray, shift: Any) -> Any:
    """Replace one row by E * scales and return the sum of E."""
    total = np.float32(0)
    for candidate in range(len(dots)):
        value = exp(dots[candidate] * scales[candidate] - shift)
        total += value
        dots[candidate] = value * scales[candidate]
    return total


@kernel(parallel=True, fastmath=FASTMATH)
def exponentials(dots: FloatArray, scales: FloatArray, shifts: FloatArray, matches: IntArray, sums: FloatArray) -> None:
    """With E[a, c] = exp(dots[a, c] * scales[c] - shifts[a]), add E's row sums to `sums` and set dots = E * scales.

    The match of an anchor is left out: it is not in the sum, and its entry becomes 0.

    Args:
        dots: float32 of shape (n_anchors, n_candidates), changed.
        scales: float32 of shape (n_candidates,).
        shifts: float32 of shape (n_anchors,).
        matches: int64 of shape (n_anchors,), columns; a column out of range leaves nothing out.
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


@kernel(parallel=True, fastmath=FASTMATH)
def tangents(transposed: FloatArray, rows: FloatArray, scales: FloatArray, out: FloatArray) -> None:
    """Set out[c] = g - rows[c] * scales[c]^2 * (rows[c] . g) with g = transposed[:, c], the part of g across the row.

    Args:
        transposed: float32 of shape (d, n), gradients as columns.
        rows: float32 of shape (n, d).
        scales: float32 of shape (n,), one over each row's norm.
        out: float32 of shape (n, d), filled.
    """
    width, count = transposed.shape
    for tile in numba.prange((count + _TILE - 1) // _TILE):
        begin = tile * _TILE
        length = min(_TILE, count - begin)
        part = transposed[:, begin : begin + length]
        gradients = np.empty((_TILE, width), dtype=np.float32)
        for column in range(width):
            values = part[column]
            for offset in range(length):
                gradients[offset, column] = values[offset]
        for offset in range(length):
            gradient, row, target = gradients[offset], rows[begin + offset], out[begin + offset]
            along = np.float32(0)
            for column in range(width):
                along += row[column] * gradient[column]
            along *= scales[begin + offset] * scales[begin + offset]
            for column in range(width):
                target[column] = gradient[column] - along * row[column]
