"""Operations on single rows that the losses share."""

from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel

MIN_LENGTH = np.float32(1e-12)
"""A row shorter than this has no direction."""


@kernel(fastmath=FASTMATH)
def dot(left: FloatArray, right: FloatArray) -> Any:
    """Return the dot product of two rows."""
    total = np.float32(0)
    for column in range(len(left)):
        total += left[column] * right[column]
    return total


@kernel(fastmath=FASTMATH)
def directions(rows: FloatArray, nodes: IntArray, position: Any) -> tuple[FloatArray, FloatArray]:
    """Return each node's row with length 1, and one over its original length."""
    units = np.empty((len(nodes), rows.shape[1]), dtype=np.float32)
    scales = np.empty(len(nodes), dtype=np.float32)
    for index in range(len(nodes)):
        row, unit = rows[position[nodes[index]]], units[index]
        scale = np.float32(1 / max(np.sqrt(dot(row, row)), MIN_LENGTH))
        scales[index] = scale
        for column in range(len(row)):
            unit[column] = row[column] * scale
    return units, scales
