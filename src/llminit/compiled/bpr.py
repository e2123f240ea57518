"""BPR and the norm of a batch's embeddings, with their gradients. Their slow twins are in `llminit.models.losses`."""

from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.rows import dot

BPR_GAMMA = 1e-10
"""Keeps the logarithm of BPR finite, as in RecBole's BPRLoss."""


@kernel(fastmath=FASTMATH)
def bpr_gradient(rows: FloatArray, triples: IntArray, position: Any, scale: float, gradient: FloatArray) -> Any:
    """Return BPR of a batch and add its gradient, both as `losses.bpr` has them.

    Args:
        rows: float32 of shape (n_listed, d), embeddings divided by `scale`, by position.
        triples: int64 of shape (3, n): users, positives and negatives.
        position: int32 of shape (n_nodes,), each node's row.
        scale: Factor that turns `rows` into embeddings.
        gradient: float32 of shape (n_listed, d), the gradient with respect to `rows`, added to.
    """
    n_triples, width = triples.shape[1], rows.shape[1]
    square = np.float32(scale * scale)
    total = 0.0
    for triple in range(n_triples):
        user, positive, negative = (
            position[triples[0, triple]],
            position[triples[1, triple]],
            position[triples[2, triple]],
        )
        user_row, positive_row, negative_row = rows[user], rows[positive], rows[negative]
        margin = np.float32(0)
        for column in range(width):
            margin += user_row[column] * (positive_row[column] - negative_row[column])
        sigmoid = 1 / (1 + np.exp(-np.float64(margin * square)))
        total -= np.log(sigmoid + BPR_GAMMA)
        slope = square * np.float32((sigmoid - 1) * sigmoid / ((sigmoid + BPR_GAMMA) * n_triples))
        for column in range(width):
            user_value = user_row[column]
            gradient[user, column] += slope * (positive_row[column] - negative_row[column])
            gradient[positive, column] += slope * user_value
            gradient[negative, column] -= slope * user_value
    return total / n_triples


@kernel(fastmath=FASTMATH)
def norm_gradient(embeddings: FloatArray, parts: IntArray, position: Any, weight: float, gradient: FloatArray) -> float:
    """Return `weight` times `losses.embedding_norm` of a batch and add its gradient.

    Args:
        embeddings: float32 of shape (n_nodes, d).
        parts: int64 of shape (3, n), nodes; each row's Frobenius norm counts by itself.
        position: int32 of shape (n_nodes,), each node's row of `gradient`.
        weight: Weight of the norm.
        gradient: float32 of shape (n_listed, d), added to.
    """
    n_parts, length = parts.shape
    total = 0.0
    for part in range(n_parts):
        square = 0.0
        for node in parts[part]:
            square += dot(embeddings[node], embeddings[node])
        norm = np.sqrt(square)
        total += weight * norm / length
        factor = np.float32(weight / (norm * length)) if norm > 0 else np.float32(0)
        for node in parts[part]:
            target, row = gradient[position[node]], embeddings[node]
            for column in range(len(row)):
                target[column] += factor * row[column]
    return total
