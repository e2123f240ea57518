"""Operations that the analyses share: validating a table of embeddings, and computing on it in bounded memory."""

from collections.abc import Iterator

import numpy as np

from llminit.arrays import AnyArray, Float64Array, FloatArray
from llminit.errors import EmbeddingError

BLOCK_BYTES = 64 * 2**20


def checked(embeddings: AnyArray, what: str = "embeddings") -> AnyArray:
    """Return embeddings as an array of shape (n, d).

    Raises:
        EmbeddingError: They are not a table with rows and columns, or hold NaN or infinite values.
    """
    values = np.asarray(embeddings)
    if values.ndim != 2 or 0 in values.shape or not np.issubdtype(values.dtype, np.number):
        raise EmbeddingError(
            f"{what}: found {values.dtype} of shape {values.shape}; expected numbers of shape (n, d), both at least 1; "
            "pass one row a user or item"
        )
    if not np.isfinite(values).all():
        broken = int((~np.isfinite(values).all(axis=1)).sum())
        raise EmbeddingError(
            f"{what}: {broken} of {len(values)} rows hold NaN or infinite values; expected finite numbers; train with "
            "a lower learning rate, or leave those rows out"
        )
    return values


def blocks(n: int, width: int) -> Iterator[slice]:
    """Yield slices over n rows of `width` float64 values each, none larger than `BLOCK_BYTES`."""
    size = max(1, BLOCK_BYTES // (8 * width))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def gram(values: AnyArray, centre: Float64Array | None = None) -> Float64Array:
    """Return (X - centre)' (X - centre) in double precision.

    Args:
        values: Shape (n, d).
        centre: float64 of shape (d,); None subtracts nothing.

    Returns:
        float64 of shape (d, d).
    """
    total: Float64Array = np.zeros((values.shape[1],) * 2)
    for block in blocks(*values.shape):
        rows = values[block].astype(np.float64)
        if centre is not None:
            rows -= centre
        total += rows.T @ rows
    return total


def unit_rows(values: AnyArray) -> FloatArray:
    """Return the rows at length 1, float32 of shape (n, d); a row of zeros stays."""
    rows = np.asarray(values, dtype=np.float32)
    # Dividing by the largest entry first keeps the squares of very large and very small rows in range.
    rows = rows / _or_one(np.abs(rows).max(axis=1, keepdims=True))
    return rows / _or_one(np.linalg.norm(rows, axis=1, keepdims=True))


def _or_one(lengths: FloatArray) -> FloatArray:
    return np.where(lengths > 0, lengths, np.float32(1))
