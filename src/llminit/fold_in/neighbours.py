"""The mean of the rows that belong to the nearest of some directions."""

import numpy as np

from llminit.arrays import FloatArray, IntArray

_BLOCK_BYTES = 64 * 2**20
_POWER = 3
"""Of the cosine: how much more the nearer ones count."""
_TRUST = 0.25
"""Of their mean cosine: how much shorter the mean is where they are less alike."""


def means_of_nearest(
    queries: FloatArray, known: FloatArray, rows: FloatArray, n_nearest: int, own: IntArray | None = None
) -> FloatArray:
    """Return the weighted means of rows, each weight the third power of a cosine; zeros for a query of zeros.

    Each mean is multiplied by the fourth root of the cosines' mean with the same weights: of a query that is not much
    like any, less is known.

    Args:
        queries: float32 of shape (n, d0), rows of length 1 or of zeros.
        known: float32 of shape (n_known, d0), rows of length 1 or of zeros.
        rows: float32 of shape (n_known, d), what belongs to each of the known directions.
        n_nearest: How many of them make a mean; all, where there are no more.
        own: int64 of shape (n,), the one of the known directions that each query may not use; None for none.

    Returns:
        float32 of shape (n, d).
    """
    count = min(n_nearest, len(known) - (own is not None))
    result = np.zeros((len(queries), rows.shape[1]), dtype=np.float32)
    if count < 1:
        return result
    size = max(1, _BLOCK_BYTES // (8 * len(known)))
    for first in range(0, len(queries), size):
        block = slice(first, first + size)
        cosines = queries[block] @ known.T
        if own is not None:
            cosines[np.arange(len(cosines)), own[block]] = -np.inf
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        alike = np.maximum(np.take_along_axis(cosines, nearest, axis=1), np.float32(1e-3))
        weights = alike**_POWER
        weights /= weights.sum(axis=1, keepdims=True)
        weights *= (weights * alike).sum(axis=1, keepdims=True) ** np.float32(_TRUST)
        result[block] = np.einsum("nk,nkd->nd", weights, rows[nearest])
    result[~queries.any(axis=1)] = 0
    return result
