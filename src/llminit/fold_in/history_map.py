"""A user of a history in a model that makes all its users of their histories: exactly as it makes its own.

Such a model (`history`) makes a user of the sum of the items that they have, at length 1, and serves the user after
hops over the training graph. All of that is a sum over the user's items, of rows that can be kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.selectors.selection import unit_rows


@dataclass(frozen=True, eq=False)
class HistoryMap:
    """A user as the model makes one: for a history that it was trained on, the vector that serves.

    Attributes:
        units: float32 of shape (n_warm, d), the items' trained rows at length 1.
        hops: float32 of shape (n_warm, d), what an item adds to its users in the hops, times the root of how many items
            they have.
        first: The weight of the first hop; what a cold item, whose only user this is, adds.
    """

    units: FloatArray
    hops: FloatArray
    first: float
    kind: ClassVar[str] = "exact"

    def vectors(self, histories: csr_array, items: FloatArray) -> FloatArray:
        """Return users' vectors, float32 of shape (n, d); zeros for a user without a history.

        Args:
            histories: float32 CSR of shape (n, n_items), ones for what each user has.
            items: float32 of shape (n_items, d), the table that serves; of items that were folded in, which come last,
                the direction counts as if it were trained.
        """
        used, columns = np.unique(histories.indices, return_inverse=True)
        own = csr_array((histories.data, columns, histories.indptr), shape=(histories.shape[0], len(used)))
        n_warm = len(self.units)
        cold = unit_rows(items[used[used >= n_warm]])
        units = np.concatenate([self.units[used[used < n_warm]], cold])
        hops = np.concatenate([self.hops[used[used < n_warm]], np.float32(self.first) * cold])
        counts = np.maximum(np.diff(own.indptr), 1)[:, np.newaxis]
        vectors: FloatArray = (unit_rows(own @ units) + (own @ hops) / np.sqrt(counts)).astype(np.float32)
        return vectors

    def document(self) -> dict[str, Any]:
        """Return what `from_parts` needs beside the arrays; JSON values only."""
        return {"kind": self.kind, "first": self.first}

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays by name."""
        return {"units": self.units, "hops": self.hops}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """Make the map whose `document` and `arrays` these are.

        Raises:
            KeyError: Something is missing.
        """
        return cls(arrays["units"], arrays["hops"], float(document["first"]))
