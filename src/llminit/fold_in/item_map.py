"""A cold item's served vector from its start, the fitted selection of its text.

Warm items have drifted from their start, and have the length that their interactions give. A cold item gets a direction
from its text, and a length that is the one dial: how much cold items are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors.selection import unit_rows

Kind = Literal["start", "ridge", "nearest"]
KINDS: tuple[Kind, ...] = get_args(Kind)

N_NEAREST = 20
"""How many warm items of like text make a cold item, for kind "nearest"."""

_RIDGE = 1.0
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class ItemMap:
    """From the start of a cold item to the served space.

    Attributes:
        kind: "start": the start itself; "ridge": a linear map fitted to the warm items; "nearest": the mean of the warm
            items whose starts have the highest cosine to it.
        exposure: The dial: the length of cold items' vectors, in units of the median length of the served vectors of
            the warm items with the fewest interactions (the lower half); 0 scores nothing. It can be moved later.
        arrays_by_name: "length": the unit, float32 of shape (1,); of "ridge": "weights", float32 (d0, d); of "nearest":
            "starts", float32 (n_warm, d0), rows of length 1, and "served", float32 (n_warm, d).
    """

    kind: Kind
    exposure: float
    arrays_by_name: Mapping[str, AnyArray]

    def vectors(self, starts: FloatArray) -> FloatArray:
        """Return the served vectors of cold items, float32 of shape (n, d); zeros for a start of zeros.

        Args:
            starts: float32 of shape (n, d0), what the fitted selection makes of their text.

        Raises:
            EmbeddingError: They are not of the width that the map was fitted to.
        """
        self._check(starts)
        length = np.float32(self.exposure) * self.arrays_by_name["length"][0]
        vectors: FloatArray = (unit_rows(self._directions(starts)) * length).astype(np.float32)
        return vectors

    def with_exposure(self, exposure: float) -> Self:
        """Return the same map with the dial moved.

        Raises:
            ConfigError: The exposure is negative or not finite.
        """
        return replace(self, exposure=checked_exposure(exposure))

    def document(self) -> dict[str, Any]:
        """Return what `from_parts` needs beside the arrays; JSON values only."""
        return {"kind": self.kind, "exposure": self.exposure}

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays by name."""
        return dict(self.arrays_by_name)

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """Make the map whose `document` and `arrays` these are.

        Raises:
            KeyError: Something is missing.
            ValueError: There is no such kind.
        """
        if document["kind"] not in KINDS:
            raise ValueError(f"unknown kind of item map {document['kind']!r}, expected one of {', '.join(KINDS)}")
        return cls(document["kind"], float(document["exposure"]), dict(arrays))

    def _directions(self, starts: FloatArray) -> FloatArray:
        if self.kind == "start":
            return starts
        if self.kind == "ridge":
            return starts @ self.arrays_by_name["weights"]
        return _means_of_nearest(unit_rows(starts), self.arrays_by_name["starts"], self.arrays_by_name["served"])

    def _check(self, starts: FloatArray) -> None:
        width = self.arrays_by_name["width"][0]
        if starts.ndim != 2 or starts.shape[1] != width:
            raise EmbeddingError(
                f"found starts of shape {starts.shape}, expected (n, {width}); make them with the selection that the "
                "model was fitted with"
            )


def fit_item_map(kind: Kind, starts: FloatArray, served: FloatArray, degrees: IntArray, exposure: float) -> ItemMap:
    """Fit a map to warm items.

    Args:
        kind: See `ItemMap`.
        starts: float32 of shape (n_warm, d0), what the fitted selection makes of the warm items' texts.
        served: float32 of shape (n_warm, d), their vectors in the model that serves.
        degrees: int64 of shape (n_warm,), their numbers of training interactions.
        exposure: The dial.

    Raises:
        ConfigError: The exposure is negative or not finite.
    """
    few = degrees <= np.median(degrees)
    length = np.median(np.linalg.norm(served[few], axis=1))
    arrays: dict[str, AnyArray] = {
        "length": np.array([length], dtype=np.float32),
        "width": np.array([starts.shape[1]], dtype=np.int64),
    }
    if kind == "ridge":
        units = unit_rows(starts).astype(np.float64)
        gram = units.T @ units + _RIDGE * np.eye(units.shape[1])
        arrays["weights"] = np.linalg.solve(gram, units.T @ served).astype(np.float32)
    elif kind == "nearest":
        arrays |= {"starts": unit_rows(starts), "served": np.asarray(served, dtype=np.float32)}
    return ItemMap(kind, checked_exposure(exposure), arrays)


def checked_exposure(exposure: float) -> float:
    """Return the exposure as a number.

    Raises:
        ConfigError: It is negative or not finite.
    """
    if isinstance(exposure, bool) or not isinstance(exposure, int | float | np.number) or not 0 <= exposure < np.inf:
        raise ConfigError(f"exposure={exposure!r} cannot be used; expected a number of at least 0, such as 1.0")
    return float(exposure)


def _means_of_nearest(units: FloatArray, warm: FloatArray, served: FloatArray) -> FloatArray:
    count = min(N_NEAREST, len(warm))
    result = np.zeros((len(units), served.shape[1]), dtype=np.float32)
    size = max(1, _BLOCK_BYTES // (8 * len(warm)))
    for first in range(0, len(units), size):
        cosines = units[first : first + size] @ warm.T
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        result[first : first + size] = served[nearest].mean(axis=1)
    result[~units.any(axis=1)] = 0
    return result
