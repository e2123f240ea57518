"""What serves: the arrays that score every item for a user, whatever model they came from.

There are two forms. `DotProduct` is a pair of embedding tables. `ItemModel` scores a user by the items of their
history: sums of products of item factors, sparse or dense, which need no row of the user's own, so that a history that
the model has never seen is scored too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from scipy.sparse import csr_array, issparse

from llminit.arrays import AnyArray, FloatArray, IntArray

Factor: TypeAlias = csr_array | FloatArray

MAX_DENSE_BYTES = 64 * 2**20
"""An item-item table that is larger is kept sparse."""

MAX_WEIGHTS_PER_ITEM = 256
"""How many weights into an item are kept of a table that is larger; the smallest of a ridge regression say nothing."""


class ServingModel(Protocol):
    """Scores every item for users, from their rows or from their histories."""

    form: ClassVar[str]

    @property
    def n_items(self) -> int:
        """How many items are scored."""

    def scores(self, users: IntArray, history: csr_array) -> FloatArray:
        """Return float32 of shape (n, n_items).

        Args:
            users: int64 of shape (n,), user codes.
            history: float32 CSR of shape (n, n_items), what these users have.
        """

    def item_vectors(self) -> Factor:
        """Return one row an item, of which like items have like ones: float32 of shape (n_items, any)."""

    def arrays(self) -> dict[str, AnyArray]:
        """Return all that `serving_from` needs, as arrays by name."""


@dataclass(frozen=True, eq=False)
class DotProduct:
    """Scores by the dot product of a user's and an item's embedding.

    Attributes:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
    """

    users: FloatArray
    items: FloatArray
    form: ClassVar[str] = "dot-product"

    @property
    def n_items(self) -> int:
        """How many items are scored."""
        return len(self.items)

    def scores(self, users: IntArray, history: csr_array) -> FloatArray:  # noqa: ARG002 - a user's row says all
        """Return float32 of shape (n, n_items); see `ServingModel`."""
        if len(users) == 1:  # a matrix times a vector, which reads the items once
            return np.asarray(self.items @ self.users[users[0]], dtype=np.float32)[np.newaxis]
        return np.asarray(self.users[users] @ self.items.T, dtype=np.float32)

    def item_vectors(self) -> Factor:
        """Return the item embeddings."""
        return self.items

    def arrays(self) -> dict[str, AnyArray]:
        """Return both tables."""
        return {"users": self.users, "items": self.items}


@dataclass(frozen=True, eq=False)
class ItemModel:
    """Scores a history h by the sum over pairs of h @ left @ right.

    Users without a history, and all users where there is no pair, get popularity.

    Attributes:
        pairs: Factors, each sparse or dense: left of shape (n_items, m) and right of shape (m, n_items), or left of
            shape (n_items, n_items) alone.
        popularity: float32 of shape (n_items,), what everybody gets of whom nothing is known.
    """

    pairs: Sequence[tuple[Factor, Factor | None]]
    popularity: FloatArray
    form: ClassVar[str] = "item-model"

    @property
    def n_items(self) -> int:
        """How many items are scored."""
        return len(self.popularity)

    def scores(self, users: IntArray, history: csr_array) -> FloatArray:  # noqa: ARG002 - the history says all
        """Return float32 of shape (n, n_items); see `ServingModel`."""
        result = np.zeros((history.shape[0], self.n_items), dtype=np.float32)
        for left, right in self.pairs:
            product = history @ left
            product = product if right is None else product @ right
            result += product.toarray() if issparse(product) else product
        without = np.diff(history.indptr) == 0
        result[without if self.pairs else slice(None)] = self.popularity
        return result

    def item_vectors(self) -> Factor:
        """Return what each item adds to every item, or its left factor; popularity where there is neither."""
        return self.pairs[0][0] if self.pairs else self.popularity[:, np.newaxis]

    def arrays(self) -> dict[str, AnyArray]:
        """Return the factors and the popularity."""
        arrays: dict[str, AnyArray] = {"popularity": self.popularity}
        for index, pair in enumerate(self.pairs):
            for side, factor in zip(("left", "right"), pair, strict=True):
                arrays |= {} if factor is None else _factor_arrays(f"{index}.{side}", factor)
        return arrays


def serving_from(form: str, arrays: Mapping[str, AnyArray]) -> ServingModel:
    """Make the model whose `arrays` these are.

    Raises:
        KeyError: An array is missing, or there is no such form.
        ValueError: The arrays do not fit together.
    """
    if form == DotProduct.form:
        return DotProduct(arrays["users"], arrays["items"])
    if form != ItemModel.form:
        raise KeyError(f"unknown form {form!r}")
    indices = sorted({name.partition(".")[0] for name in arrays if name != "popularity"}, key=int)
    pairs = [(_factor(arrays, f"{index}.left"), _factor(arrays, f"{index}.right")) for index in indices]
    if any(left is None for left, _ in pairs):
        raise KeyError("a left factor")
    return ItemModel([(left, right) for left, right in pairs if left is not None], arrays["popularity"])


def serving_bytes(model: ServingModel) -> int:
    """Return how much memory the arrays of a model take."""
    return sum(array.nbytes for array in model.arrays().values())


def kept_weights(weights: Factor, most: int = MAX_WEIGHTS_PER_ITEM, max_bytes: int = MAX_DENSE_BYTES) -> Factor:
    """Return an item-item table as it is served: whole where it is small, else its largest weights into each item.

    Args:
        weights: float32 of shape (n_items, n_items), sparse or dense; row j holds what item j adds to every item.
        most: How many weights into an item are kept of a larger dense table.
        max_bytes: The largest dense table that is kept whole.
    """
    if issparse(weights) or weights.nbytes <= max_bytes:
        return weights
    n_items = weights.shape[1]
    most = min(most, len(weights))
    rows, columns, values = [], [], []
    for start in range(0, n_items, size := max(1, max_bytes // (8 * len(weights)))):
        block = weights[:, start : start + size]
        largest = np.argpartition(-np.abs(block), most - 1, axis=0)[:most]
        rows.append(largest.T.reshape(-1))
        columns.append(np.repeat(np.arange(start, start + block.shape[1]), most))
        values.append(np.take_along_axis(block, largest, axis=0).T.reshape(-1))
    places = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.concatenate(values), places), shape=weights.shape)


def _factor_arrays(name: str, factor: Factor) -> dict[str, AnyArray]:
    if not issparse(factor):
        return {name: np.ascontiguousarray(factor, dtype=np.float32)}
    matrix = csr_array(factor)
    return {
        f"{name}.data": matrix.data.astype(np.float32),
        f"{name}.indices": matrix.indices.astype(np.int32),
        f"{name}.indptr": matrix.indptr.astype(np.int64),
        f"{name}.shape": np.array(matrix.shape, dtype=np.int64),
    }


def _factor(arrays: Mapping[str, AnyArray], name: str) -> Factor | None:
    if name in arrays:
        return arrays[name]
    if f"{name}.data" not in arrays:
        return None
    parts = (arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    return csr_array(tuple(parts), shape=tuple(arrays[f"{name}.shape"].tolist()))
