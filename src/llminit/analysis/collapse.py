"""Embedding collapse: how many of its d dimensions a table of embeddings uses."""

import numpy as np

from llminit.analysis.matrices import checked, gram
from llminit.arrays import AnyArray, Float64Array
from llminit.errors import InputError


def spectrum(embeddings: AnyArray, *, centred: bool = False) -> Float64Array:
    """Return the singular values of a table of embeddings.

    They are the roots of the eigenvalues of X'X, summed in double precision in blocks of rows, so memory stays at
    d x d for any number of rows. Values below about 1e-8 of the largest are rounding, as they are in float32 itself.

    Args:
        embeddings: float32 of shape (n, d).
        centred: Subtract the mean row first. If False, the first value is mostly the length of the mean, and the
            spectrum describes dot products; if True, it describes how the rows differ.

    Returns:
        float64 of shape (d,), descending; d - n of them are 0 where there are fewer rows than columns.

    Raises:
        EmbeddingError: The embeddings are not a table of finite numbers.
    """
    values = checked(embeddings)
    centre = values.mean(axis=0, dtype=np.float64) if centred else None
    eigenvalues = np.linalg.eigvalsh(gram(values, centre))[::-1]
    eigenvalues[min(values.shape) :] = 0
    roots: Float64Array = np.sqrt(np.maximum(eigenvalues, 0))
    return roots


def effective_rank(singular_values: Float64Array) -> float:
    """Return exp(-sum p log p), p being the singular values divided by their sum.

    Between 1 and d; d exactly when all are equal. 0 for a table of zeros. Source: Roy and Vetterli, 2007, "The
    effective rank: a measure of effective dimensionality", EUSIPCO.

    Args:
        singular_values: float64 of shape (d,), from `spectrum`.

    Raises:
        InputError: They are not one row of numbers of at least 0.
    """
    values = _checked_spectrum(singular_values)
    if not values.any():
        return 0.0
    shares = values / values.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def information_abundance(singular_values: Float64Array) -> float:
    """Return the sum of the singular values divided by the largest.

    Between 1 and d; small when a few dimensions dominate. 0 for a table of zeros. Source: Guo et al., 2023, "On the
    embedding collapse when scaling up recommendation models" (arXiv 2310.04400).

    Args:
        singular_values: float64 of shape (d,), from `spectrum`.

    Raises:
        InputError: They are not one row of numbers of at least 0.
    """
    values = _checked_spectrum(singular_values)
    return float(values.sum() / values.max()) if values.any() else 0.0


def _checked_spectrum(singular_values: Float64Array) -> Float64Array:
    values = np.asarray(singular_values, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not (values >= 0).all() or not np.isfinite(values).all():
        raise InputError(
            f"singular values of shape {values.shape}; expected one row of finite numbers of at least 0; pass the "
            "result of spectrum, not the embeddings"
        )
    return values
