"""Text embeddings as models use them: centred, and with rows of length 1."""

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
