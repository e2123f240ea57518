"""A cold item's served vector from its start, the fitted selection of its text.

Warm items have drifted from their start, and have the length that their interactions give. A cold item gets its vector
from its text, and one dial says how long it is: how much cold items are shown.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.fold_in.neighbours import means_of_nearest
from llminit.fold_in.text_space import SPACE, fit_text_space, rows_of_texts
from llminit.selectors.selection import unit_rows

Kind = Literal["start", "ridge", "nearest"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_RIDGE = 1.0
_FIRST_N_NEAREST = 20
_SAMPLE = 512
"""Warm items of which the unit of the dial is taken."""


@dataclass(frozen=True)
class Shape:
    """What kind of map there is to be.

    Attributes:
        kind: "start": the start itself; "ridge": a linear map fitted to the warm items; "nearest": the mean of the
            warm items whose starts, or texts, have the highest cosine to it.
        n_nearest: For "nearest", how many.
        by_text: For "nearest", whether texts are compared (see `text_space`), of more directions than a start has.
    """

    kind: Kind = "nearest"
    n_nearest: int = 8
    by_text: bool = False


@dataclass(frozen=True, eq=False)
class ItemMap:
    """From the start of a cold item to the served space.

    Of kinds other than "start" the lengths differ: of a cold item whose like items point in different directions, less
    is known, and it is shorter.

    Attributes:
        shape: See `Shape`.
        exposure: The dial: the length of cold items' vectors, where 1 makes them as long, by their medians, as the
            served vectors of the warm items with the fewest interactions (the lower half); 0 scores nothing. It can be
            moved later.
        arrays_by_name: "width": int64 of shape (1,), d0; "scale": float32 of shape (1,), what makes cold items so long;
            of "ridge": "weights", float32 (d0, d); of "nearest": "starts", float32 (n_warm, d0), rows of length 1, and
            "served", float32 (n_warm, d); by text: those of the text space, whose rows "starts" has.
        measured: How exposure was chosen: what cold items gained and warm ones lost on validation, at several
            exposures; empty where it was not.
    """

    shape: Shape
    exposure: float
    arrays_by_name: Mapping[str, AnyArray]
    measured: tuple[Mapping[str, float], ...] = ()

    @property
    def kind(self) -> Kind:
        """The kind of map."""
        return self.shape.kind

    @property
    def space(self) -> Mapping[str, AnyArray] | None:
        """The space in which texts are compared (see `text_space`); None for a map that compares none."""
        return {name: self.arrays_by_name[name] for name in SPACE} if self.shape.by_text else None

    def vectors(self, starts: FloatArray, texts: FloatArray | None = None) -> FloatArray:
        """Return the served vectors of cold items, float32 of shape (n, d); zeros for an item of zeros.

        Args:
            starts: float32 of shape (n, d0), what the fitted selection makes of their text.
            texts: float32 of shape (n, D), their text embeddings; needed by a map that compares these.

        Raises:
            EmbeddingError: They are not of the width that the map was fitted to, or the texts are missing.
        """
        self._check(starts, texts)
        factor = np.float32(self.exposure) * self.arrays_by_name["scale"][0]
        vectors: FloatArray = (self.natural(starts, texts) * factor).astype(np.float32)
        return vectors

    def natural(self, starts: FloatArray, texts: FloatArray | None = None, own: IntArray | None = None) -> FloatArray:
        """Return the same before the dial.

        Args:
            starts: float32 of shape (n, d0).
            texts: float32 of shape (n, D).
            own: int64 of shape (n,), for kind "nearest" a warm item that each may not be made of; None for none.
        """
        units = unit_rows(starts)
        if self.kind == "start":
            return units
        if self.kind == "ridge":
            mapped: FloatArray = units @ self.arrays_by_name["weights"]
            return mapped
        warm, served = self.arrays_by_name["starts"], self.arrays_by_name["served"]
        queries = units if texts is None or not self.shape.by_text else rows_of_texts(self.arrays_by_name, texts)
        return means_of_nearest(queries, warm, served, self.shape.n_nearest, own)

    def with_exposure(self, exposure: float) -> Self:
        """Return the same map with the dial moved.

        Raises:
            ConfigError: The exposure is negative or not finite.
        """
        return replace(self, exposure=checked_exposure(exposure))

    def document(self) -> dict[str, Any]:
        """Return what `from_parts` needs beside the arrays; JSON values only."""
        return asdict(self.shape) | {"exposure": self.exposure, "measured": [dict(row) for row in self.measured]}

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
        if "n_nearest" not in document:
            return cls._of_first_form(document, arrays)
        shape = Shape(document["kind"], int(document["n_nearest"]), bool(document["by_text"]))
        return cls(shape, float(document["exposure"]), dict(arrays), tuple(document["measured"]))

    @classmethod
    def _of_first_form(cls, document: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """Make a map of the form that had one length for all cold items; those of starts are what they were."""
        shape = Shape(document["kind"], _FIRST_N_NEAREST)
        scale = arrays["length"] if shape.kind == "start" else np.ones(1, dtype=np.float32)
        return cls(shape, float(document["exposure"]), {**arrays, "scale": scale})

    def _check(self, starts: FloatArray, texts: FloatArray | None) -> None:
        width = self.arrays_by_name["width"][0]
        if starts.ndim != 2 or starts.shape[1] != width:
            raise EmbeddingError(
                f"found starts of shape {starts.shape}, expected (n, {width}); make them with the selection that the "
                "model was fitted with"
            )
        if not self.shape.by_text:
            return
        expected = len(self.arrays_by_name["text_centre"])
        if texts is None or texts.shape != (len(starts), expected):
            raise EmbeddingError(
                f"found {'no text embeddings' if texts is None else f'text embeddings of shape {texts.shape}'}, "
                f"expected ({len(starts)}, {expected}): this map compares texts; make them with the encoder that the "
                "model was fitted with"
            )


def fit_item_map(
    shape: Shape | Kind,
    starts: FloatArray,
    served: FloatArray,
    degrees: IntArray,
    exposure: float,
    texts: FloatArray | None = None,
    space: Mapping[str, AnyArray] | None = None,
    scale: AnyArray | None = None,
) -> ItemMap:
    """Fit a map to warm items.

    Args:
        shape: See `Shape`; a kind alone takes its defaults.
        starts: float32 of shape (n_warm, d0), what the fitted selection makes of the warm items' texts.
        served: float32 of shape (n_warm, d), their vectors in the model that serves.
        degrees: int64 of shape (n_warm,), their numbers of training interactions.
        exposure: The dial.
        texts: float32 of shape (n_warm, D), their text embeddings, for a map that compares these.
        space: What `fit_text_space` returns; by default it is fitted to the texts.
        scale: That of a map of the same kind, where it is known; see `ItemMap`.

    Raises:
        ConfigError: The exposure is negative or not finite, or a map is to compare texts and there are none.
    """
    shape = shape if isinstance(shape, Shape) else Shape(shape)
    arrays: dict[str, AnyArray] = {"width": np.array([starts.shape[1]], dtype=np.int64)}
    units = unit_rows(starts)
    if shape.kind == "ridge":
        wide = units.astype(np.float64)
        gram = wide.T @ wide + _RIDGE * np.eye(wide.shape[1])
        arrays["weights"] = np.linalg.solve(gram, wide.T @ served).astype(np.float32)
    elif shape.kind == "nearest":
        arrays |= {"starts": units, "served": np.asarray(served, dtype=np.float32)}
    if shape.by_text:
        arrays |= _of_texts(texts, space)
    unscaled = ItemMap(shape, checked_exposure(exposure), arrays | {"scale": np.ones(1, dtype=np.float32)})
    if scale is None:
        scale = _scale(unscaled, starts, served, degrees, texts)
    return replace(unscaled, arrays_by_name=arrays | {"scale": scale})


def _scale(
    unscaled: ItemMap, starts: FloatArray, served: FloatArray, degrees: IntArray, texts: FloatArray | None
) -> AnyArray:
    """Return what makes vectors as long as those of the warm items with few interactions, float32 of shape (1,)."""
    few = np.flatnonzero(degrees <= np.median(degrees))
    length = float(np.median(np.linalg.norm(served[few], axis=1)))
    sample = few[:: max(1, len(few) // _SAMPLE)]
    sampled = None if texts is None else texts[sample]
    natural = float(np.median(np.linalg.norm(unscaled.natural(starts[sample], sampled, sample), axis=1)))
    return np.array([length / natural if natural > 0 else 1.0], dtype=np.float32)


def _of_texts(texts: FloatArray | None, space: Mapping[str, AnyArray] | None) -> dict[str, AnyArray]:
    """Return the arrays of a map that compares texts."""
    if texts is None:
        raise ConfigError("found no text embeddings, expected those of the warm items: this map compares texts")
    space = fit_text_space(texts) if space is None else space
    return {**space, "starts": rows_of_texts(space, texts)}


def checked_exposure(exposure: float) -> float:
    """Return the exposure as a number.

    Raises:
        ConfigError: It is negative or not finite.
    """
    if isinstance(exposure, bool) or not isinstance(exposure, int | float | np.number) or not 0 <= exposure < np.inf:
        raise ConfigError(f"exposure={exposure!r} cannot be used; expected a number of at least 0, such as 1.0")
    return float(exposure)
