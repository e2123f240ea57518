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
        rows: float32 of shape (n_listed, d), embeddings over `scale`, by position.
        triples: int64 of shape (3, n): users, positives and negatives.
        position: int32 of shape (n_nodes,), each node's row.
        scale: What `rows` are to be multiplied by.
        gradient: float32 of shape (n_listed, d), the gradient by `rows`, added to.
    """
    n_triples, width = triples.shape[1], rows.shape[1]
    square = np.float32(scale * scale)
    total = 0.0
    for place in range(n_triples):
        user, positive, negative = (
            position[triples[0, place]],
            position[triples[1, place]],
            position[triples[2, place]],
        )
        user_row, positive_row, negative_row = rows[user], rows[positive], rows[negative]
        margin = np.float32(0)
        for column in range(width):
            margin += user_row[column] * (positive_row[column] - negative_row[column])
        sigmoid = 1 / (1 + np.exp(-np.float64(margin * square)))
        total -= np.log(sigmoid + BPR_GAMMA)
        slope = square * np.float32((sigmoid - 1) * sigmoid / ((sigmoid + BPR_GAMMA) * n_triples))
        for column in range(width):
            of_user = user_row[column]
            gradient[user, column] += slope * (positive_row[column] - negative_row[column])
            gradient[positive, column] += slope * of_user
            gradient[negative, column] -= slope * of_user
    return total / n_triples


@kernel(fastmath=FASTMATH)
def norm_gradient(embeddings: FloatArray, parts: IntArray, position: Any, weight: float, gradient: FloatArray) -> float:
    """Return `weight` times `losses.embedding_norm` of a batch and add its gradient.

    Args:
        embeddings: float32 of shape (n_nodes, d).
        parts: int64 of shape (3, n), nodes; each row's Frobenius norm counts by itself.
        position: int32 of shape (n_nodes,), each node's row of `gradient`.
        weight: Of the norm.
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
