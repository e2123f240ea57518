"""The rows of an alternating least-squares step, each solved by conjugate gradients in compiled code.

A row x solves (D + sum of c y y') x = t + sum of c y, over the few rows y that it interacts with, D being diagonal: the
caller has turned all rows to the directions in which the dense part of the system is. With D as the preconditioner a
step costs d for each interaction, not d * d, and n + 1 steps are exact for n interactions.
"""

from typing import NamedTuple

import numba
import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.graph import NodeArray, even_runs
from llminit.compiled.rows import dot

_ENOUGH = np.float32(1e-12)
"""A row is solved when its squared residual has fallen to this share of what it was."""


class Systems(NamedTuple):
    """One system for each row.

    Attributes:
        indptr: int64 of shape (n + 1,), where each row's interactions begin.
        indices: int32 of shape (n_interactions,), rows of `factors`.
        weights: float32 of shape (n_interactions,), c, at least 0.
        factors: float32 of shape (m, d), the rows y.
        shared: float32 of shape (d,), what the diagonals of all rows have in common.
        own: float32 of shape (n,), what is added to the diagonal of each row; positive.
        targets: float32 of shape (n, d), t.
    """

    indptr: IntArray
    indices: NodeArray
    weights: FloatArray
    factors: FloatArray
    shared: FloatArray
    own: FloatArray
    targets: FloatArray


@kernel(parallel=True, fastmath=FASTMATH)
def solve_rows(systems: Systems, rows: NodeArray, n_steps: int, out: FloatArray, n_threads: int) -> None:
    """Improve the solution of every row by at most `n_steps` steps of conjugate gradients.

    Args:
        systems: The systems.
        rows: int32 of shape (n,), all rows in order.
        n_steps: Most steps; a row that is solved takes no more.
        out: float32 of shape (n, d), where each row starts; changed.
        n_threads: Number of threads.
    """
    indptr, indices, weights, factors, shared, own, targets = systems
    bounds = even_runs(indptr, rows, n_threads)
    for run in numba.prange(n_threads):
        diagonal, scratch = np.empty_like(shared), np.empty((3, len(shared)), dtype=np.float32)
        for row in range(bounds[run], bounds[run + 1]):
            begin, end = indptr[row], indptr[row + 1]
            for column in range(len(shared)):
                diagonal[column] = shared[column] + own[row]
            _solve_row(
                indices[begin:end], weights[begin:end], factors, diagonal, targets[row], n_steps, out[row], scratch
            )


@kernel(fastmath=FASTMATH)
def _solve_row(
    indices: NodeArray,
    weights: FloatArray,
    factors: FloatArray,
    diagonal: FloatArray,
    target: FloatArray,
    n_steps: int,
    x: FloatArray,
    scratch: FloatArray,
) -> None:
    residual, direction, product = scratch[0], scratch[1], scratch[2]
    _multiply(indices, weights, factors, diagonal, x, product)
    for column in range(len(x)):
        residual[column] = target[column] - product[column]
    for edge in range(len(indices)):
        factor, weight = factors[indices[edge]], weights[edge]
        for column in range(len(x)):
            residual[column] += weight * factor[column]
    size = np.float32(0)
    for column in range(len(x)):
        direction[column] = residual[column] / diagonal[column]
        size += residual[column] * direction[column]
    enough = _ENOUGH * size
    for _ in range(n_steps):
        if size <= enough:
            break
        _multiply(indices, weights, factors, diagonal, direction, product)
        length = size / dot(direction, product)
        before, size = size, np.float32(0)
        for column in range(len(x)):
            x[column] += length * direction[column]
            residual[column] -= length * product[column]
            size += residual[column] * residual[column] / diagonal[column]
        turn = size / before
        for column in range(len(x)):
            direction[column] = residual[column] / diagonal[column] + turn * direction[column]


@kernel(fastmath=FASTMATH)
def _multiply(
    indices: NodeArray, weights: FloatArray, factors: FloatArray, diagonal: FloatArray, x: FloatArray, out: FloatArray
) -> None:
    """Set out = (D + sum of c y y') x."""
    for column in range(len(x)):
        out[column] = diagonal[column] * x[column]
    for edge in range(len(indices)):
        factor = factors[indices[edge]]
        share = weights[edge] * dot(factor, x)
        for column in range(len(x)):
            out[column] += share * factor[column]
