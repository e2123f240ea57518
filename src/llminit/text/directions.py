"""In how many directions the texts of a catalogue vary: the widest initial embeddings that can be made of them."""

import numpy as np

from llminit.arrays import FloatArray
from llminit.text.embeddings import TextEmbeddings

_THRESHOLD = 2e-7
"""The least variance that counts, of the largest one: twice what selectors, which sum in single precision, need."""


def directions(text: TextEmbeddings, enough: int | None = None) -> int:
    """Return in how many directions texts vary: no more than the encoder has columns, and fewer than there are items.

    Texts that are the same, or few words in all of them, have fewer than the encoder has columns.

    Args:
        text: The text embeddings.
        enough: More than these are not looked for, which takes less time.
    """
    rows = text.values[~text.missing]
    if enough is not None:
        found = _counted(rows, 4 * enough)
        if found >= enough:
            return enough
    # A few times as many rows as columns have all the directions that there are.
    return max(1, _counted(rows, 8 * text.width))


def _counted(rows: FloatArray, n_rows: int) -> int:
    if not len(rows):
        return 0
    some = rows[:: max(1, len(rows) // n_rows)].astype(np.float64)
    some -= some.mean(axis=0)
    products = some @ some.T if len(some) < some.shape[1] else some.T @ some
    variances = np.linalg.eigvalsh(products)
    return int((variances > _THRESHOLD * max(variances[-1], 1e-30)).sum())
