"""Where texts are compared: directions in which the texts of a catalogue vary, each made to vary as much as others.

In text embeddings as they are, a few directions that say little about an item, such as its broad kind, decide which
texts are alike. Where all directions count the same, the small ones count too: a brand, a size, a shade.
"""

from collections.abc import Mapping

import numpy as np

from llminit.arrays import AnyArray, FloatArray
from llminit.selectors.selection import unit_rows

SPACE = ("text_centre", "text_weights")
"""The names of a space's arrays."""

MAX_WIDTH = 384
_ITEMS_PER_DIRECTION = 8
"""With fewer, a direction's variance is not known: all texts would seem equally far from each other."""
_SAMPLE = 20_000
_LEAST_VARIANCE = 1e-5


def fit_text_space(texts: FloatArray) -> dict[str, AnyArray]:
    """Return the arrays of a space, which `rows_of_texts` takes.

    Args:
        texts: float32 of shape (n_warm, D), text embeddings.

    Returns:
        "text_centre", float32 of shape (D,), and "text_weights", float32 of shape (D, m) with m of at most 384, fewer
        where there are few items.
    """
    sample = texts[:: -(-len(texts) // _SAMPLE)] if len(texts) else texts
    centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = sample - centre
    variances, directions = np.linalg.eigh(centred.T @ centred)
    variances, directions = variances[::-1], directions[:, ::-1]
    width = min(MAX_WIDTH, max(1, len(sample) // _ITEMS_PER_DIRECTION))
    usable = max(1, int((variances[:width] > _LEAST_VARIANCE * max(variances[0], 1e-30)).sum()))
    weights = directions[:, :usable] / np.sqrt(np.maximum(variances[:usable], 1e-30))
    return {"text_centre": centre, "text_weights": weights.astype(np.float32)}


def rows_of_texts(space: Mapping[str, AnyArray], texts: FloatArray) -> FloatArray:
    """Return texts in a space: float32 of shape (n, m), rows of length 1, or of zeros for a text of zeros."""
    rows: FloatArray = unit_rows((texts - space["text_centre"]) @ space["text_weights"])
    rows[~np.any(texts, axis=1)] = 0
    return rows
