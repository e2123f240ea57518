"""Selectors that are linear maps of the text embeddings, centred or not."""

from dataclasses import replace

import numpy as np

from llminit.arrays import Float64Array
from llminit.errors import ConfigError, EmbeddingError
from llminit.mapped import is_mapped
from llminit.selectors.graph import normalized_interactions, propagated, with_fixed_signs
from llminit.selectors.moments import mean_fourth_power, moments_of
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput, row_norm, unit_rows
from llminit.selectors.shrinkage import ledoit_wolf, shrinkage_of


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
def whiten(data: SelectorInput, *, norm: float | None = None, shrinkage: float | str = 0.0) -> Selection:
    """Centre, project on the d directions of largest variance and give each the same variance (WhitenRec, 2402.10602).

    Whitening leaves the overall scale free, and training is sensitive to it: `norm` is the root mean squared length of
    a row; by default that of the text embeddings, which is 1 for most encoders.

    Where items are few, the smallest variances are underestimated, and dividing by them amplifies noise. `shrinkage`
    moves all variances by this share of the way to their mean; "auto" computes the share (Ledoit & Wolf, 2004).
    """
    if norm is not None and not 0 < norm < np.inf:
        raise ConfigError(f"norm={norm} cannot be used, expected a positive number")
    if shrinkage != "auto" and not (isinstance(shrinkage, float) and 0 <= shrinkage <= 1):
        raise ConfigError(f'shrinkage={shrinkage!r} cannot be used, expected a number in [0, 1] or "auto"')
    centre, directions, variances = _principal_directions(data)
    leading = variances[: data.embedding_size]
    share = shrinkage if isinstance(shrinkage, float) else _automatic_shrinkage(data, centre, variances)
    shrunk = (1 - share) * leading + share * variances.mean()
    length = _row_norm(data, centre, variances) if norm is None else norm
    matrix = directions * (length / np.sqrt(shrunk * (leading / shrunk).sum()))
    return Selection(matrix=matrix.astype(np.float32), centre=centre.astype(np.float32))


@SELECTORS.register(name="propagated-whiten")
def propagated_whiten(data: SelectorInput, *, weight: float = 1.0) -> Selection:
    """Whiten after a hop over the training graph, E + weight N'N (E - mean) (as TextGCN, 2510.12461, propagates text).

    N is the normalised interaction matrix. The map is fitted to the propagated text and applied to it; an item that
    comes later has no interactions, so its text goes through the map as it is.
    """
    if not 0 <= weight < np.inf:
        raise ConfigError(f"weight={weight} cannot be used, expected a number of at least 0")
    rows = propagated(data, weight)
    selection = whiten(replace(data, text_embeddings=rows), norm=row_norm(data.text_embeddings))
    return replace(selection, rows=selection.apply(rows))


@SELECTORS.register(name="rec-pca")
def rec_pca(data: SelectorInput, *, weight: float = 0.5) -> Selection:
    """PCA of unit rows, less `weight` times their variation over the training graph (after Rec-PCA, 2604.20490).

    With E the unit rows less their mean and L = I - N'N the graph's normalised Laplacian, the directions are the
    leading eigenvectors of (E'E - weight E'LE) / n: variance, penalised by total variation over the item-item graph.
    That is the published idea, normalise and penalise; the paper's own graph and scaling could not be compared.
    """
    if not 0 <= weight <= 1:
        raise ConfigError(f"weight={weight} cannot be used, expected a number in [0, 1]")
    embeddings = unit_rows(data.text_embeddings).astype(np.float64)
    centre = embeddings.mean(axis=0)
    embeddings -= centre
    hop = normalized_interactions(data) @ embeddings
    # E'LE = E'E - (NE)'NE, without a matrix of items by items.
    objective = ((1 - weight) * embeddings.T @ embeddings + weight * hop.T @ hop) / len(embeddings)
    _, directions = _leading(objective, data.embedding_size, f"{len(embeddings)} items")
    return Selection(matrix=directions.astype(np.float32), centre=centre.astype(np.float32), unit=True)


def _principal_directions(data: SelectorInput) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the mean (D,), the d leading eigenvectors of the covariance (D, d) and all its eigenvalues (D,).

    A table that is mapped from disk is read once, some rows at a time.
    """
    n_items = f"{len(data.text_embeddings)} items"
    if is_mapped(data.text_embeddings):
        moments = moments_of(data.text_embeddings)
        variances, directions = _leading(moments.covariance, data.embedding_size, n_items)
        return moments.mean, directions, variances
    embeddings = data.text_embeddings.astype(np.float64)
    centre = embeddings.mean(axis=0)
    embeddings -= centre
    covariance = embeddings.T @ embeddings / len(embeddings)
    variances, directions = _leading(covariance, data.embedding_size, n_items)
    return centre, directions, variances


def _row_norm(data: SelectorInput, centre: Float64Array, variances: Float64Array) -> float:
    if is_mapped(data.text_embeddings):
        # The mean squared length is the variance in all directions and the squared length of the mean.
        return float(np.sqrt(variances.sum() + np.square(centre).sum()))
    return row_norm(data.text_embeddings)


def _automatic_shrinkage(data: SelectorInput, centre: Float64Array, variances: Float64Array) -> float:
    if is_mapped(data.text_embeddings):
        n_rows = len(data.text_embeddings)
        return shrinkage_of(mean_fourth_power(data.text_embeddings, centre), variances, n_rows)
    return ledoit_wolf(data.text_embeddings - centre, variances)


def _leading(matrix: Float64Array, size: int, source: str) -> tuple[Float64Array, Float64Array]:
    """Return all eigenvalues, largest first, and the `size` leading eigenvectors of a positive semi-definite matrix."""
    values, directions = usable_directions(matrix, size, source)
    return values, directions[:, :size]


def usable_directions(matrix: Float64Array, size: int, source: str) -> tuple[Float64Array, Float64Array]:
    """Return a positive semi-definite matrix's eigenvalues, largest first, and the eigenvectors that are no rounding.

    Args:
        matrix: float64 of shape (D, D).
        size: How many eigenvectors are needed.
        source: What the matrix was made of, for the message.

    Returns:
        float64 of shape (D,), and float64 of shape (D, n) with n >= `size`.

    Raises:
        EmbeddingError: There are fewer.
    """
    values, directions = np.linalg.eigh(matrix)
    values, directions = values[::-1], directions[:, ::-1]
    n_usable = int((values > 1e-7 * max(values[0], 1e-30)).sum())
    if n_usable < size:
        raise EmbeddingError(
            f"the text embeddings of {source} vary in {n_usable} directions only, fewer than embedding_size={size}; "
            "lower embedding_size or choose a selector that picks columns"
        )
    return values, with_fixed_signs(directions[:, :n_usable])
