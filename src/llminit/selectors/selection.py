"""The input of a selector, and its result: a fitted map from text embeddings to item embeddings."""

from dataclasses import dataclass

import numpy as np

from llminit.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class SelectorInput:
    """The input of a selector.

    Attributes:
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d, the number of dimensions to make.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness.
    """

    text_embeddings: FloatArray
    embedding_size: int
    item_degrees: IntArray
    rng: np.random.Generator

    @property
    def width(self) -> int:
        """D, the text embeddings' number of columns."""
        return int(self.text_embeddings.shape[1])


@dataclass(frozen=True)
class Selection:
    """A fitted map from text embeddings to item embeddings; exactly one of `dims` and `matrix` is set.

    Attributes:
        dims: int64 of shape (d,), the chosen columns.
        matrix: float32 of shape (D, d), a linear map.
        centre: float32 of shape (D,), subtracted before `matrix` is applied.
    """

    dims: IntArray | None = None
    matrix: FloatArray | None = None
    centre: FloatArray | None = None

    def apply(self, text_embeddings: FloatArray) -> FloatArray:
        """Map float32 of shape (n, D) to float32 of shape (n, d)."""
        if self.matrix is None:
            return np.ascontiguousarray(text_embeddings[:, self.dims])
        centred = text_embeddings if self.centre is None else text_embeddings - self.centre
        return (centred @ self.matrix).astype(np.float32, copy=False)
