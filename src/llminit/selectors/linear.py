"""Selectors that are linear maps of the text embeddings, centred or not."""

from typing import Any

import numpy as np

from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput


@SELECTORS.register
def projection(data: SelectorInput) -> Selection:
    """Project on random Gaussian directions, which keeps squared lengths in expectation (Johnson-Lindenstrauss)."""
    matrix = data.rng.normal(scale=data.embedding_size**-0.5, size=(data.width, data.embedding_size))
    return Selection(matrix=matrix.astype(np.float32))


@SELECTORS.register
def pca(data: SelectorInput) -> Selection:
    """Centre, then project on the d directions of largest variance."""
    centre, directions, _ = _principal_directions(data)
    return Selection(matrix=directions.astype(np.float32), centre=centre.astype(np.float32))


@SELECTORS.register
def whiten(data: SelectorInput, *, norm: float | None = None) -> Selection:
    """Centre, project on the d directions of largest variance and give each the same variance (WhitenRec, 2402.10602).

    Whitening leaves the overall scale free, and training is sensitive to it: `norm` is the root mean squared length of
    a row; by default that of the text embeddings, which is 1 for most encoders.
    """
    centre, directions, variances = _principal_directions(data)
    if norm is None:
        norm = float(np.sqrt(np.square(data.text_embeddings, dtype=np.float64).sum(axis=1).mean()))
    elif not 0 < norm < np.inf:
        raise ConfigError(f"norm={norm} cannot be used, expected a positive number")
    matrix = directions * (norm / np.sqrt(variances * data.embedding_size))
    return Selection(matrix=matrix.astype(np.float32), centre=centre.astype(np.float32))


def _principal_directions(
    data: SelectorInput,
) -> tuple["np.ndarray[Any, np.dtype[np.float64]]", "np.ndarray[Any, np.dtype[np.float64]]", Any]:
    """Return the mean (D,), the d leading eigenvectors of the covariance (D, d) and their eigenvalues (d,)."""
    embeddings = data.text_embeddings.astype(np.float64)
    centre = embeddings.mean(axis=0)
    embeddings -= centre
    variances, directions = np.linalg.eigh(embeddings.T @ embeddings / len(embeddings))
    leading = np.arange(data.width)[::-1][: data.embedding_size]
    variances, directions = variances[leading], directions[:, leading]
    n_usable = int((variances > 1e-7 * max(variances[0], 1e-30)).sum())
    if n_usable < data.embedding_size:
        raise EmbeddingError(
            f"the text embeddings of {len(embeddings)} items vary in {n_usable} directions only, fewer than "
            f"embedding_size={data.embedding_size}; lower embedding_size or choose a selector that picks columns"
        )
    # An eigenvector's sign is arbitrary; make its largest entry positive so that all machines agree.
    largest = np.abs(directions).argmax(axis=0)
    return centre, directions * np.sign(directions[largest, np.arange(data.embedding_size)]), variances
