"""What selectors compute over the training graph.

Two items are linked through the users who have both. N is the interaction matrix with each entry divided by the square
roots of its user's and its item's degree; N'N links the items, and I - N'N is the normalised Laplacian of that graph.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from llminit.arrays import Float64Array, FloatArray
from llminit.errors import EmbeddingError
from llminit.selectors.selection import SelectorInput


def training_graph(data: SelectorInput) -> sp.csr_array:
    """Return the training interactions of a selector that cannot do without them.

    Raises:
        EmbeddingError: The caller has given none.
    """
    if data.interactions is None or not data.interactions.nnz:
        raise EmbeddingError(
            "this selector needs the training interactions of the items with text and got none; pass interactions, or "
            "choose a selector that needs only text, such as whiten"
        )
    return data.interactions


def normalized_interactions(data: SelectorInput) -> sp.csr_array:
    """Return N, float64 CSR of shape (n_users, n); users and items without interactions have zeros."""
    return _normalized(training_graph(data))


def _normalized(interactions: sp.csr_array) -> sp.csr_array:
    interactions = interactions.astype(np.float64)
    user_scale, item_scale = (_inverse_root(interactions.sum(axis=axis)) for axis in (1, 0))
    return sp.csr_array(sp.diags_array(user_scale) @ interactions @ sp.diags_array(item_scale))


def propagated(data: SelectorInput, weight: float) -> FloatArray:
    """Return the text embeddings E after a hop over the training graph: E + weight N'N (E - mean).

    The mean stays where it is: a hop multiplies it by a number that differs from item to item, and an item without
    interactions, whose row is E, would end up far from the others.
    """
    values = data.text_embeddings
    # In float32, whose rounding a hop does not add up: half the memory to read, and a third of the time.
    to_users = normalized_interactions(data).astype(np.float32)
    to_items = sp.csr_array(to_users.T)
    deviations = (values - values.mean(axis=0, dtype=np.float64)).astype(np.float32)
    hop: FloatArray = to_items @ (to_users @ deviations)
    return (values + np.float32(weight) * hop).astype(np.float32, copy=False)


def laplacian_scores(data: SelectorInput) -> Float64Array:
    """Return each column's Laplacian score, float64 of shape (D,): f'Lf / f'Df of the column f, centred by degrees.

    On the graph where each user spreads one unit of weight over each of their items, this is the share of a column's
    variance that lies within users' histories. A constant column has none to be smooth: its score is infinite.
    """
    interactions = training_graph(data).astype(np.float64)
    item_degrees, user_degrees = interactions.sum(axis=0), interactions.sum(axis=1)
    embeddings = data.text_embeddings.astype(np.float64)
    embeddings -= item_degrees @ embeddings / item_degrees.sum()
    total = item_degrees @ np.square(embeddings)
    between = _inverse_root(user_degrees) ** 2 @ np.square(interactions @ embeddings)
    is_constant = total <= 1e-12 * max(total.max(), 1e-30)
    return np.where(is_constant, np.inf, 1 - between / np.where(is_constant, 1, total))


def graph_spectrum(interactions: sp.csr_array, size: int, rng: np.random.Generator) -> Float64Array:
    """Return the items' side of N's `size` leading singular vectors, float64 of shape (n, size).

    The low frequencies of the training graph (GF-CF, arXiv 2108.07567). An item without interactions has zeros.

    Args:
        interactions: The training interactions, float32 CSR of shape (n_users, n), ones.
        size: How many vectors.
        rng: Where the search for them begins.

    Raises:
        EmbeddingError: The graph has no more users, items or directions than that.
    """
    normalized = _normalized(interactions)
    most = min(normalized.shape) - 1 if normalized.nnz else 0
    if size <= most:
        _, values, vectors = svds(normalized, k=size, v0=rng.normal(size=min(normalized.shape)))
        most = int((values > 1e-6 * values.max()).sum())
    if size > most:
        raise EmbeddingError(
            f"svd:{size} asks for more directions than the training graph of {normalized.shape[0]} users and "
            f"{normalized.shape[1]} items has; the most here is {most}"
        )
    has_interactions = normalized.sum(axis=0) > 0
    return with_fixed_signs(np.where(has_interactions[:, None], vectors[::-1].T, 0.0))


def with_fixed_signs(directions: Float64Array) -> Float64Array:
    """Return columns with their largest entry positive: their sign is arbitrary, and all machines shall agree."""
    largest = np.abs(directions).argmax(axis=0)
    signed: Float64Array = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    return signed


def _inverse_root(degrees: Float64Array) -> Float64Array:
    root: Float64Array = np.where(degrees > 0, np.maximum(degrees, 1e-30), np.inf) ** -0.5
    return root
