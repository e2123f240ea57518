"""The weights that L3AE would learn of an item that nobody has, from its text alone.

L3AE (arXiv 2508.13500) minimises |X - XB|^2 + l2 |B|^2 + a |B - S|^2 with a zero diagonal, S the text's own EASE. Let
an item be added that is in no history, so that its column of X is zero. Then

- its column of B is a (X'X + (l2 + a) I)^-1 s, with s its column of S: s = E C e, C = (E'E + t I)^-1, where E has the
  known items' texts, e the new one's, and t is the text's l2;
- its row of B is a / (l2 + a) times its row of S, which is p s_k / (P_kk + p s_k^2) for the known item k, with
  P = (EE' + t I)^-1 and p = 1 / (t (1 + e'Ce)), by the inverse of a matrix with one more row and column.

Each new item is treated as if it came alone: two that are alike would otherwise explain each other, and no history has
either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from llminit.arrays import AnyArray, Float64Array, FloatArray
from llminit.models.text_rows import unit_rows


@dataclass(frozen=True, eq=False)
class ColdText:
    """What the closed form needs.

    Attributes:
        centre: float32 of shape (D,), the mean text embedding.
        text: E, float32 of shape (n_items, D), the known items' texts less the centre at length 1; zeros without text.
        core: C, float64 of shape (D, D).
        weights: a (X'X + (l2 + a) I)^-1 E C, float32 of shape (n_items, D).
        text_l2: t.
        row_share: a / (l2 + a).
    """

    centre: FloatArray
    text: FloatArray
    core: Float64Array
    weights: FloatArray
    text_l2: float
    row_share: float

    def columns(self, texts: FloatArray) -> FloatArray:
        """Return what each known item of a history adds to new items, float32 of shape (n, n_items).

        Args:
            texts: float32 of shape (n, D), the new items' text embeddings; zeros for an item without text.
        """
        columns: FloatArray = self._units(texts) @ self.weights.T
        return columns

    def rows(self, texts: FloatArray) -> FloatArray:
        """Return what each new item of a history adds to the known items, float32 of shape (n, n_items)."""
        units = self._units(texts)
        smoothed = self.text @ self.core
        sums = units @ smoothed.T
        diagonal = (1 - (smoothed * self.text).sum(axis=1)) / self.text_l2
        own = 1 / (self.text_l2 * (1 + np.einsum("id,de,ie->i", units, self.core, units)))
        scaled = own[:, np.newaxis] * sums
        rows: FloatArray = (self.row_share * scaled / (diagonal + scaled * sums)).astype(np.float32)
        return rows

    def towards(self, texts: FloatArray, others: FloatArray) -> FloatArray:
        """Return what each new item of a history adds to other new ones, in pairs: float32 of shape (n, n_others)."""
        units, other_units = self._units(texts), self._units(others)
        own = np.einsum("id,de,ie->i", units, self.core, units)[:, np.newaxis]
        likeness = units.astype(np.float64) @ self.core @ other_units.T
        weights: FloatArray = (self.row_share * likeness / (1 + own)).astype(np.float32)
        return weights

    def arrays(self) -> dict[str, AnyArray]:
        """Return all as arrays by name."""
        return {
            "centre": self.centre,
            "text": self.text,
            "core": self.core,
            "weights": self.weights,
            "numbers": np.array([self.text_l2, self.row_share]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """Make it from what `arrays` gave.

        Raises:
            KeyError: An array is missing.
        """
        own = {name: arrays[name] for name in ("centre", "text", "core", "weights")}
        text_l2, row_share = arrays["numbers"].tolist()
        return cls(**own, text_l2=text_l2, row_share=row_share)

    def _units(self, texts: FloatArray) -> FloatArray:
        has_text = np.any(texts, axis=1)[:, np.newaxis]
        return unit_rows(np.where(has_text, texts - self.centre, np.float32(0)).astype(np.float32))
