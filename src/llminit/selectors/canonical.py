"""The selector canonical: the directions of the text in which the items of one history are most alike.

Canonical correlation analysis (Hotelling, "Relations between two sets of variates", 1936) between an item of a history
and another item of it. What says nothing of who likes what, such as the length of a text, comes last, however much it
varies.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from llminit.arrays import Float64Array, FloatArray
from llminit.errors import ConfigError
from llminit.mapped import row_blocks
from llminit.selectors.graph import training_graph, with_fixed_signs
from llminit.selectors.linear import usable_directions
from llminit.selectors.moments import moments_of, products_of
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput

_USERS_AT_ONCE = 2**13

_GRANTED = 1e-3
"""A correlation that all directions are granted: where histories do not tell them apart, their variance does."""


@SELECTORS.register
def canonical(data: SelectorInput, *, shrinkage: float = 0.02) -> Selection:
    """Project on the directions in which two items of one history are most alike, and give each the same variance.

    Draw a training interaction, and another one of its user: with A the covariance of the two items' text embeddings
    and C that of the first one's, the directions are those in which v'Av / v'Cv is largest. Histories that are few
    favour directions of little variance by chance; `shrinkage` moves all variances in C by this share of the way to
    their mean. As with whiten, rows have the root mean squared length of the text embeddings.
    """
    if not 0 < shrinkage <= 1:
        raise ConfigError(f"shrinkage={shrinkage} cannot be used, expected a number above 0 and at most 1")
    size, moments = data.embedding_size, moments_of(data.text_embeddings)
    # Directions in which no two items differ cannot be told apart, and are not searched.
    _, basis = usable_directions(moments.covariance, size, f"{len(data.text_embeddings)} items")
    pairs, items = history_covariances(data)
    if items.trace() <= 1e-9 * moments.covariance.trace():
        items = moments.covariance
    pairs, items = (basis.T @ covariance @ basis for covariance in (pairs, items))
    shrunk = (1 - shrinkage) * items + shrinkage * items.trace() / len(items) * np.eye(len(items))
    largest = (len(items) - size, len(items) - 1)
    _, found = scipy.linalg.eigh(pairs + _GRANTED * items, shrunk, subset_by_index=largest)
    directions = with_fixed_signs(basis @ found[:, ::-1])
    variances = (directions * (moments.covariance @ directions)).sum(axis=0)
    matrix = directions * (moments.row_norm / np.sqrt(size * variances))
    return Selection(matrix=matrix.astype(np.float32), centre=moments.mean.astype(np.float32))


def history_covariances(data: SelectorInput) -> tuple[Float64Array, Float64Array]:
    """Return A and C of `canonical`, float64 of shape (D, D); users with one item only have no part in either.

    A user of n items has n interactions, each with n - 1 others: as many weigh the user's pairs of different items,
    which are the products of the history's sum less those of each item with itself.
    """
    interactions = training_graph(data)
    interactions = sp.csr_array(interactions[interactions.sum(axis=1) > 1])
    lengths, degrees = (interactions.sum(axis=axis, dtype=np.float64) for axis in (1, 0))
    weights = 1 / (lengths - 1)
    pairs, items = np.zeros((data.width, data.width)), np.zeros((data.width, data.width))
    if not len(lengths):
        return pairs, items
    total = np.zeros(data.width)
    for start, block in row_blocks(data.text_embeddings):
        total += degrees[start : start + len(block)] @ block
    centre = (total / degrees.sum()).astype(np.float32)
    own = weights @ interactions
    for start, block in row_blocks(data.text_embeddings):
        rows, some = block - centre, slice(start, start + len(block))
        items += products_of(_scaled(rows, degrees[some]))
        pairs -= products_of(_scaled(rows, own[some]))
    for start in range(0, len(lengths), _USERS_AT_ONCE):
        some = slice(start, start + _USERS_AT_ONCE)
        sums = interactions[some] @ data.text_embeddings
        sums -= np.outer(lengths[some].astype(np.float32), centre)
        pairs += products_of(_scaled(sums, weights[some]))
    return pairs / degrees.sum(), items / degrees.sum()


def _scaled(rows: FloatArray, weights: Float64Array) -> FloatArray:
    """Return rows, float32, whose products are those of `rows` times their weights."""
    scaled: FloatArray = rows * np.sqrt(weights).astype(np.float32)[:, np.newaxis]
    return scaled
