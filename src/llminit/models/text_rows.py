"""Text embeddings as models use them: centred, whitened, or with rows of length 1."""

import numpy as np

from llminit.arrays import FloatArray


def centre_of(text: FloatArray) -> FloatArray:
    """Return the mean of text embeddings, float32 of shape (D,); rows of zeros, which have no text, do not count."""
    # In float64: a float32 sum over the rows of a large catalogue loses digits.
    centre: FloatArray = text.mean(axis=0, dtype=np.float64, where=np.any(text, axis=1)[:, None]).astype(np.float32)
    return centre


def centred(text: FloatArray) -> FloatArray:
    """Take the mean row away from text embeddings, float32 of shape (n_items, D); rows of zeros stay zeros."""
    has_text = np.any(text, axis=1)[:, None]
    return np.where(has_text, text - centre_of(text), np.float32(0))


def unit_rows(rows: FloatArray) -> FloatArray:
    """Return rows of length 1, float32 of the same shape; rows of zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit


def whitened(text: FloatArray, n_directions: int) -> FloatArray:
    """Return the leading directions of centred text embeddings, each of the same variance; rows of zeros stay zeros.

    Args:
        text: float32 of shape (n_items, D), a row of zeros for an item without text, not all of them.
        n_directions: How many; fewer where the texts do not vary in as many.

    Returns:
        float32 of shape (n_items, at most n_directions); the rows of items with text have a mean squared length of 1.
    """
    rows = centred(text)
    n_with_text = np.any(text, axis=1).sum()
    variances, directions = np.linalg.eigh((rows.T @ rows).astype(np.float64) / n_with_text)
    # A float32 product leaves about 1e-7 of the largest variance in directions in which the texts do not vary.
    n_kept = min(n_directions, int((variances > 1e-5 * max(variances[-1], 1e-30)).sum()))
    leading, variances = directions[:, ::-1][:, :n_kept], variances[::-1][:n_kept]
    result: FloatArray = rows @ (leading / np.sqrt(variances * n_kept)).astype(np.float32)
    return result
