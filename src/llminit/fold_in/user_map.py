"""A user's served vector from the items of their history, for models that score by dot products."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.selectors.selection import unit_rows

Kind = Literal["mean", "ridge"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False)
class UserMap:
    """A user from their items' served vectors.

    Attributes:
        kind: "mean": the mean of the items' vectors at length 1, scaled to `length`; "ridge": implicit least squares on
            the whole item table (as iALS folds users in): all items weigh `unseen_weight` with the target 0, those of
            the history 1 with the target 1.
        length: The median length of the served users' vectors, on which cold ones are put.
        l2: The strength of ridge's regulariser.
        unseen_weight: See `kind`.
    """

    kind: Kind
    length: float
    l2: float = 1.0
    unseen_weight: float = 0.01

    def vectors(self, histories: csr_array, items: FloatArray) -> FloatArray:
        """Return users' vectors, float32 of shape (n, d); a user without a history gets the mean item's direction.

        Args:
            histories: float32 CSR of shape (n, n_items), non-zero for what each user has.
            items: float32 of shape (n_items, d), the table that serves, items that were folded in included.
        """
        raw = _means(histories, items) if self.kind == "mean" else self._solved(histories, items)
        raw[np.diff(histories.indptr) == 0] = unit_rows(items).mean(axis=0)
        return (unit_rows(raw) * np.float32(self.length)).astype(np.float32)

    def document(self) -> dict[str, Any]:
        """Return what `from_parts` needs beside the arrays; JSON values only."""
        return {"kind": self.kind, "length": self.length, "l2": self.l2, "unseen_weight": self.unseen_weight}

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays by name; there are none."""
        return {}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:  # noqa: ARG003
        """Make the map whose `document` and `arrays` these are.

        Raises:
            KeyError: Something is missing.
            ValueError: There is no such kind.
        """
        if document["kind"] not in KINDS:
            raise ValueError(f"unknown kind of user map {document['kind']!r}, expected one of {', '.join(KINDS)}")
        numbers = {name: float(document[name]) for name in ("length", "l2", "unseen_weight")}
        return cls(document["kind"], **numbers)

    def _solved(self, histories: csr_array, items: FloatArray) -> FloatArray:
        table = items.astype(np.float64)
        base = self.unseen_weight * (table.T @ table) + self.l2 * np.eye(items.shape[1])
        result = np.zeros((histories.shape[0], items.shape[1]), dtype=np.float32)
        for row in range(len(result)):
            own = table[histories.indices[histories.indptr[row] : histories.indptr[row + 1]]]
            result[row] = np.linalg.solve(base + own.T @ own, own.sum(axis=0))
        return result


def fit_user_map(users: FloatArray, kind: Kind = "mean") -> UserMap:
    """Fit a map to the users that are served, float32 of shape (n_users, d)."""
    return UserMap(kind, float(np.median(np.linalg.norm(users, axis=1))))


def _means(histories: csr_array, items: FloatArray) -> FloatArray:
    counts = np.maximum(np.diff(histories.indptr), 1)[:, np.newaxis]
    return np.asarray((histories @ unit_rows(items)) / counts, dtype=np.float32)
