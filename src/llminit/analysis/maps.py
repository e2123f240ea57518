"""A two-dimensional map of items, for plots."""

import numpy as np

from llminit.analysis.matrices import blocks, checked, gram
from llminit.arrays import AnyArray, FloatArray
from llminit.errors import InputError


def item_map(embeddings: AnyArray, n_sample: int = 10_000, seed: int = 0) -> FloatArray:
    """Project every item onto the plane of the two directions in which the items differ most (PCA).

    The same embeddings always give the same map: the sign of each direction is chosen so that its largest entry is
    positive.

    Args:
        embeddings: float32 of shape (n, d).
        n_sample: Most items from which the directions are computed; all items are projected.
        seed: Seed of the choice of those items.

    Returns:
        float32 of shape (n, 2), relative to the mean of the items that give the directions; the second column is 0
        where d is 1.

    Raises:
        EmbeddingError: The embeddings are not a table of finite numbers.
        InputError: n_sample is less than 1.
    """
    values = checked(embeddings)
    if n_sample < 1:
        raise InputError(f"n_sample={n_sample}; expected at least 1 item to compute the directions from; raise it")
    rng = np.random.default_rng(seed)
    sample = values if len(values) <= n_sample else values[rng.choice(len(values), n_sample, replace=False)]
    centre = sample.mean(axis=0, dtype=np.float64)
    directions = np.linalg.eigh(gram(sample, centre))[1][:, ::-1][:, :2]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    coordinates = np.zeros((len(values), 2), dtype=np.float32)
    for block in blocks(*values.shape):
        coordinates[block, : directions.shape[1]] = (values[block] - centre) @ directions
    return coordinates
