"""A selector: the columns whose values lie furthest apart."""

import numpy as np

from llminit.selectors import Selection, SelectorInput


def spread(data: SelectorInput, *, quantile: float = 0.9) -> Selection:
    """Choose the columns with the widest range between two quantiles."""
    low, high = np.quantile(data.text_embeddings, [1 - quantile, quantile], axis=0)
    widest = np.argsort(low - high, kind="stable")[: data.embedding_size]
    return Selection(dims=np.sort(widest))
