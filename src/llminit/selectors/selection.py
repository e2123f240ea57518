"""The input of a selector, and its result: a fitted map from text embeddings to item embeddings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import EmbeddingError
from llminit.mapped import row_blocks

FULL = "full"
"""The selector that keeps all columns, whatever the embedding size."""


@dataclass(frozen=True)
class SelectorInput:
    """The input of a selector.

    Attributes:
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d, the number of dimensions to make.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness.
        interactions: float32 CSR of shape (n_users, n), ones: the training interactions of these items; None where the
            caller has none to give.
    """

    text_embeddings: FloatArray
    embedding_size: int
    item_degrees: IntArray
    rng: np.random.Generator
    interactions: sp.csr_array | None = None

    @property
    def width(self) -> int:
        """D, the text embeddings' number of columns."""
        return int(self.text_embeddings.shape[1])

    def check_width(self) -> None:
        """Check that there are at least d columns.

        Raises:
            EmbeddingError: There are fewer.
        """
        if self.width < self.embedding_size:
            raise EmbeddingError(
                f"embedding_size={self.embedding_size} exceeds the text embeddings' {self.width} dimensions; lower "
                "embedding_size or use a wider encoder"
            )


@dataclass(frozen=True)
class Selection:
    """A fitted map from text embeddings to item embeddings: `before`, then `unit`, then one of dims, matrix and parts.

    Attributes:
        dims: int64 of shape (d,), the chosen columns.
        matrix: float32 of shape (D, d), a linear map.
        centre: float32 of shape (D,), subtracted before `matrix` is applied.
        unit: Whether rows are scaled to length 1 first.
        before: Maps that are applied before this one, in order.
        parts: Maps whose results stand side by side.
        rows: float32 of shape (n, d), the embeddings of the items that it was fitted to, where they are more than what
            the map makes of their text; not saved.
    """

    dims: IntArray | None = None
    matrix: FloatArray | None = None
    centre: FloatArray | None = None
    unit: bool = False
    before: tuple["Selection", ...] = ()
    parts: tuple["Selection", ...] = ()
    rows: FloatArray | None = None

    def apply(self, text_embeddings: FloatArray) -> FloatArray:
        """Map float32 of shape (n, D) to float32 of shape (n, d)."""
        values = text_embeddings
        for earlier in self.before:
            values = earlier.apply(values)
        if self.unit:
            values = unit_rows(values)
        if self.parts:
            return np.concatenate([part.apply(values) for part in self.parts], axis=1)
        if self.dims is not None:
            return np.ascontiguousarray(values[:, self.dims])
        centred = values if self.centre is None else values - self.centre
        return np.array(centred) if self.matrix is None else (centred @ self.matrix).astype(np.float32, copy=False)

    def apply_in_blocks(self, text_embeddings: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Map as `apply` does, some rows at a time, for a table that is mapped from disk.

        Args:
            text_embeddings: float32 of shape (n, D).
            out: float32 of shape (n, d) that the result is written to, which may be mapped from disk too.
        """
        for start, block in row_blocks(text_embeddings):
            rows = self.apply(block)
            if out is None:
                out = np.empty((len(text_embeddings), rows.shape[1]), dtype=np.float32)
            out[start : start + len(rows)] = rows
        return self.apply(text_embeddings) if out is None else out

    def arrays(self) -> dict[str, AnyArray]:
        """Return what makes up the map, by name."""
        own = {"dims": self.dims, "matrix": self.matrix, "centre": self.centre}
        named: dict[str, AnyArray] = {name: array for name, array in own.items() if array is not None}
        named |= {"unit": np.ones(1, dtype=np.bool_)} if self.unit else {}
        for group, selections in (("before", self.before), ("parts", self.parts)):
            for index, selection in enumerate(selections):
                named |= {f"{group}.{index}.{name}": array for name, array in selection.arrays().items()}
        return named

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> "Selection":
        """Make a map from what `arrays` gave."""
        own = {name: arrays.get(name) for name in ("dims", "matrix", "centre")}
        return cls(**own, unit="unit" in arrays, before=_inner(arrays, "before"), parts=_inner(arrays, "parts"))


def unit_rows(values: FloatArray) -> FloatArray:
    """Return float32 rows of shape (n, D) scaled to length 1; rows of zeros stay."""
    lengths = np.sqrt(np.square(values, dtype=np.float64).sum(axis=1, keepdims=True))
    return (values / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def row_norm(values: FloatArray) -> float:
    """Return the root mean squared length of rows."""
    return float(np.sqrt(np.square(values, dtype=np.float64).sum(axis=1).mean()))


def _inner(arrays: Mapping[str, AnyArray], group: str) -> tuple[Selection, ...]:
    indices: Iterable[int] = sorted({int(name.split(".")[1]) for name in arrays if name.startswith(f"{group}.")})
    return tuple(Selection.from_arrays(_below(arrays, f"{group}.{index}.")) for index in indices)


def _below(arrays: Mapping[str, AnyArray], prefix: str) -> dict[str, AnyArray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
