"""Adam (Kingma & Ba, arXiv 1412.6980, algorithm 1) as compiled loops over rows."""

from typing import Any, NamedTuple

import numba
import numpy as np

from llminit.arrays import FloatArray
from llminit.compiled.cache import FASTMATH, kernel

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class AdamState(NamedTuple):
    """Parameters and their two moments, float32 arrays of the same shape; every step changes them."""

    values: FloatArray
    mean: FloatArray
    square: FloatArray


@kernel(parallel=True, fastmath=FASTMATH)
def adam_step(gradient: FloatArray, state: AdamState, adam: tuple[Any, Any, Any, Any, Any], n_threads: int) -> None:
    """Take one Adam step in place; all arrays are float32 of shape (n, d), `adam` as `adam_constants` returns it."""
    parameters, mean, square = state
    for run in numba.prange(n_threads):
        part = slice(run * len(parameters) // n_threads, (run + 1) * len(parameters) // n_threads)
        adam_rows(gradient[part], parameters[part], mean[part], square[part], adam)


@kernel()
def adam_rows(
    gradient: FloatArray, parameters: FloatArray, mean: FloatArray, square: FloatArray, adam: tuple[Any, ...]
) -> None:
    """Take one Adam step for some rows; arrays are contiguous, float32 of shape (n, d)."""
    adam_row(gradient.reshape(-1), parameters.reshape(-1), mean.reshape(-1), square.reshape(-1), adam)


@kernel(fastmath=FASTMATH)
def adam_row(gradient: FloatArray, parameters: FloatArray, mean: FloatArray, square: FloatArray, adam: Any) -> None:
    """Take one Adam step for one row; arrays are float32 of shape (d,)."""
    beta1, beta2, step_size, square_scale, epsilon = adam
    one = np.float32(1)
    for index in range(len(parameters)):
        slope = gradient[index]
        new_mean = beta1 * mean[index] + (one - beta1) * slope
        new_square = beta2 * square[index] + (one - beta2) * slope * slope
        mean[index], square[index] = new_mean, new_square
        parameters[index] -= step_size * new_mean / (np.sqrt(new_square) * square_scale + epsilon)


@kernel()
def adam_constants(
    step: int, learning_rate: float
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Return the constants of Adam's step `step`, counted from 1 (Kingma & Ba, arXiv 1412.6980, algorithm 1).

    Returns:
        The decay of the mean and of the square, the step size over the mean's bias correction, one over the root of the
        square's bias correction, and epsilon.
    """
    mean_correction, square_correction = 1 - BETA1**step, 1 - BETA2**step
    return (
        np.float32(BETA1),
        np.float32(BETA2),
        np.float32(learning_rate / mean_correction),
        np.float32(1 / np.sqrt(square_correction)),
        np.float32(EPSILON),
    )
