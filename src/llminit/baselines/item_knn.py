"""Item-kNN: an item is recommended to those who have items like it, by the cosine of who has them.

Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, vstack

from llminit.arrays import AnyArray
from llminit.baselines.base import LinearItemModel, checked_train, co_occurrence_blocks, column_norms
from llminit.config import Config


class ItemKNN(Config):
    """Scores an item by its similarity to those of the user's items that are among its nearest neighbours."""

    name: ClassVar[str] = "item-knn"

    k: int = Field(default=100, ge=1)
    """How many neighbours an item keeps."""
    shrink: float = Field(default=50.0, ge=0)
    """Added to the cosine's denominator, so that similarities from few interactions count for less."""

    def fit(self, train: csr_array) -> LinearItemModel:
        """Find each item's neighbours: sim(i, j) = x_i . x_j / (|x_i| |x_j| + shrink), x_i being column i.

        Args:
            train: float32 of shape (n_users, n_items), non-zero where a user has an item in the training data.

        Raises:
            InputError: The matrix is not sparse, is empty, or holds NaN or infinite values.
        """
        matrix = checked_train(train)
        norms = column_norms(matrix)
        blocks = [
            _nearest(*_similarities(block.start, products, norms, self.shrink), products.shape, self.k)
            for block, products in co_occurrence_blocks(matrix)
        ]
        # Row i holds the neighbours of item i; a neighbour gives to item i, so weights are the transpose.
        return LinearItemModel(matrix, csr_array(vstack(blocks, format="csr").T))


def _similarities(
    first: int, products: csr_array, norms: AnyArray, shrink: float
) -> tuple[AnyArray, AnyArray, AnyArray]:
    rows = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
    columns = products.indices
    values = products.data / (norms[rows + first] * norms[columns] + shrink)
    others = columns != rows + first
    return rows[others], columns[others], values[others]


def _nearest(rows: AnyArray, columns: AnyArray, values: AnyArray, shape: tuple[int, int], k: int) -> csr_array:
    order = np.lexsort((columns, -values, rows))  # the last key leads; equal values go by item code
    counts = np.bincount(rows, minlength=shape[0])
    position = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = order[position < k]
    return csr_array((values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=shape)
