"""Selectors that choose d of the D columns: the paper's (arXiv 2503.01814), full, prefix and laplacian-score."""

import numpy as np

from llminit.arrays import Float64Array, FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.mapped import BLOCK_VALUES, is_mapped
from llminit.selectors.graph import laplacian_scores
from llminit.selectors.moments import Moments, merged
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput


@SELECTORS.register
def random(data: SelectorInput, *, replacement: bool = False) -> Selection:
    """Choose columns at random; `replacement=True` allows repeats, as the paper's code does."""
    return Selection(dims=np.sort(data.rng.choice(data.width, data.embedding_size, replace=replacement)))


@SELECTORS.register
def uniform(data: SelectorInput) -> Selection:
    """Choose evenly spaced columns over the whole width (the paper's, where d divides D)."""
    return Selection(dims=np.arange(data.embedding_size) * data.width // data.embedding_size)


@SELECTORS.register
def variance(data: SelectorInput, *, share: float = 0.2) -> Selection:
    """Choose the columns with the largest variance over the most popular `share` of items, in ascending order."""
    if not 0 < share <= 1:
        raise ConfigError(f"share={share} cannot be used, expected a number in (0, 1]")
    n_popular = int(len(data.item_degrees) * share)
    if n_popular < 2:
        raise EmbeddingError(
            f"{share:.0%} of {len(data.item_degrees)} items with text are {n_popular}, expected at least 2 to have a "
            "variance; raise share or choose another selector"
        )
    popular = np.argsort(-data.item_degrees, kind="stable")[:n_popular]
    variances = _variances(data.text_embeddings, popular)
    return Selection(dims=np.sort(np.argsort(-variances, kind="stable")[: data.embedding_size]))


def _variances(values: FloatArray, rows: IntArray) -> Float64Array:
    """Return each column's unbiased variance over some rows; of a mapped table, some rows at a time."""
    if not is_mapped(values):
        variances: Float64Array = values[rows].astype(np.float64).var(axis=0, ddof=1)
        return variances
    ascending = np.sort(rows)
    at_once = max(1, BLOCK_VALUES // values.shape[1])
    parts = (values[ascending[start : start + at_once]] for start in range(0, len(rows), at_once))
    return merged(Moments.of(part) for part in parts).variances(ddof=1)


@SELECTORS.register
def full(data: SelectorInput) -> Selection:
    """Keep every column."""
    return Selection(dims=np.arange(data.width))


@SELECTORS.register
def prefix(data: SelectorInput) -> Selection:
    """Keep the first columns, for encoders trained to be truncated (Matryoshka, arXiv 2205.13147)."""
    return Selection(dims=np.arange(data.embedding_size))


@SELECTORS.register(name="laplacian-score")
def laplacian_score(data: SelectorInput) -> Selection:
    """Choose the columns that are smoothest over the training graph: lowest Laplacian score (He, Cai & Niyogi, 2005).

    Smoothness is the Laplacian's quadratic form, as in graph signal processing (arXiv 1712.00468), relative to the
    column's variance: columns whose values agree among the items of one user.
    """
    return Selection(dims=np.sort(np.argsort(laplacian_scores(data), kind="stable")[: data.embedding_size]))
