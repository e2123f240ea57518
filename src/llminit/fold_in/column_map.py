"""Cold items in models of items by items: what a history adds to a cold item, and what a cold item adds to the others.

Source of the closed form: L3AE (arXiv 2508.13500), the model whose weights are drawn to those of the text. With no
interactions of its own, a new item's regression has a solution that needs only its text; see `llminit.models.cold`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csr_array, issparse

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import EmbeddingError
from llminit.fold_in.item_map import checked_exposure
from llminit.models.cold import ColdText
from llminit.models.serving import MAX_WEIGHTS_PER_ITEM, Factor, ItemModel
from llminit.selectors.selection import unit_rows

Kind = Literal["closed-form", "nearest"]
KINDS: tuple[Kind, ...] = get_args(Kind)

N_NEAREST = 20
"""How many warm items of like text make a cold item, for kind "nearest"."""

_BLOCK_BYTES = 64 * 2**20
_SAMPLE = 512
"""Warm items of which the unit of the dial is taken."""


@dataclass(frozen=True, eq=False)
class ColumnMap:
    """From the text embeddings of cold items to their rows and columns in an item model.

    Attributes:
        kind: "closed-form": what the model itself would learn of an item without interactions; "nearest": the mean of
            the warm items with the most similar texts.
        exposure: The dial: what cold items' columns are multiplied by, where 1 makes them as long as those of the warm
            items with the fewest interactions (the lower half), by their medians; 0 scores nothing.
        arrays_by_name: "scale": float32 of shape (1,), what makes them so long; of "closed-form": those of `ColdText`;
            of "nearest": "centre", float32 of shape (D,), and "units", float32 of shape (n_warm, D), the warm items'
            texts less the centre at length 1.
    """

    kind: Kind
    exposure: float
    arrays_by_name: Mapping[str, AnyArray]

    def extended(self, model: ItemModel, texts: FloatArray) -> ItemModel:
        """Return the model with cold items behind its own.

        Args:
            model: An item model of the warm items alone.
            texts: float32 of shape (n, D), the cold items' text embeddings; zeros for an item without text, which
                scores nothing.

        Raises:
            EmbeddingError: The texts are of another width.
        """
        self._check(texts)
        factor = np.float32(self.exposure) * self.arrays_by_name["scale"][0]
        popularity = np.concatenate([model.popularity, np.zeros(len(texts), dtype=np.float32)])
        if self.kind == "closed-form":
            ((weights, _),) = model.pairs
            pairs: list[tuple[Factor, Factor | None]] = [(self._solved(weights, texts, factor), None)]
        else:
            neighbours = self._neighbours(texts)
            pairs = [_averaged(left, right, neighbours, factor) for left, right in model.pairs]
        return ItemModel(pairs, popularity)

    def cosines(self, texts: FloatArray, folded: FloatArray) -> FloatArray:
        """Return the cosines of texts to those of all items, less the centre: float32 of shape (n, n_items).

        Args:
            texts: float32 of shape (n, D), text embeddings.
            folded: float32 of shape (n_folded, D), those of the items that were folded in; zeros without text.
        """
        self._check(texts)
        warm = self.arrays_by_name["text" if self.kind == "closed-form" else "units"]
        cosines: FloatArray = self._units(texts) @ np.concatenate([warm, self._units(folded)]).T
        return cosines

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
            raise ValueError(f"unknown kind of column map {document['kind']!r}, expected one of {', '.join(KINDS)}")
        return cls(document["kind"], float(document["exposure"]), dict(arrays))

    def _solved(self, weights: Factor, texts: FloatArray, factor: np.float32) -> Factor:
        cold = ColdText.from_arrays(self.arrays_by_name)
        columns, rows, between = cold.columns(texts).T * factor, cold.rows(texts), cold.towards(texts, texts) * factor
        np.fill_diagonal(between, 0)
        if not issparse(weights):
            return np.block([[weights, columns], [rows, between]]).astype(np.float32)
        # As the served weights of a large model are, of each new column and row only the largest are kept.
        parts = [[weights, _largest(columns.T).T], [_largest(rows), csr_array(between)]]
        return csr_array(sp.block_array(parts, format="csr"), dtype=np.float32)

    def _neighbours(self, texts: FloatArray, own: IntArray | None = None) -> csr_array:
        """Return the weights of the warm items that stand for each text, float32 CSR of shape (n, n_warm).

        Args:
            texts: float32 of shape (n, D).
            own: int64 of shape (n,), a warm item that each may not stand for; None for none.
        """
        warm = self.arrays_by_name["units"]
        has_text = np.any(texts, axis=1)
        units = self._units(texts)
        count = min(N_NEAREST, len(warm) - (own is not None))
        nearest = np.empty((len(texts), count), dtype=np.int64)
        size = max(1, _BLOCK_BYTES // (8 * len(warm)))
        for first in range(0, len(texts), size):
            cosines = units[first : first + size] @ warm.T
            if own is not None:
                cosines[np.arange(len(cosines)), own[first : first + size]] = -np.inf
            nearest[first : first + size] = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.where(has_text[:, np.newaxis], np.float32(1 / count), np.float32(0))
        places = np.repeat(np.arange(len(texts)), count), nearest.ravel()
        matrix = csr_array((np.broadcast_to(weights, nearest.shape).ravel(), places), shape=(len(texts), len(warm)))
        matrix.eliminate_zeros()
        return matrix

    def _units(self, texts: FloatArray) -> FloatArray:
        has_text = np.any(texts, axis=1)[:, np.newaxis]
        return np.where(has_text, unit_rows(texts - self.arrays_by_name["centre"]), np.float32(0))

    def _check(self, texts: FloatArray) -> None:
        width = len(self.arrays_by_name["centre"])
        if texts.ndim != 2 or texts.shape[1] != width:
            raise EmbeddingError(
                f"found text embeddings of shape {texts.shape}, expected (n, {width}); make them with the encoder that "
                "the model was fitted with"
            )


def fit_column_map(
    model: ItemModel, texts: FloatArray, degrees: IntArray, exposure: float, cold: ColdText | None = None
) -> ColumnMap:
    """Fit a map to an item model.

    Args:
        model: The model that serves.
        texts: float32 of shape (n_items, D), its items' text embeddings, zeros for an item without.
        degrees: int64 of shape (n_items,), their numbers of training interactions.
        exposure: The dial.
        cold: The closed form of the model, where it has one.

    Raises:
        ConfigError: The exposure is negative or not finite.
    """
    has_text = np.any(texts, axis=1)
    if cold is not None:
        arrays, kind = cold.arrays(), KINDS[0]
    else:
        centre = texts[has_text].mean(axis=0, dtype=np.float64).astype(np.float32)
        units = np.where(has_text[:, np.newaxis], unit_rows(texts - centre), np.float32(0))
        arrays, kind = {"centre": centre, "units": units}, KINDS[1]
    unscaled = ColumnMap(kind, checked_exposure(exposure), arrays | {"scale": np.ones(1, dtype=np.float32)})
    few = np.flatnonzero(has_text & (degrees <= np.median(degrees[has_text])))
    sample = few[:: max(1, len(few) // _SAMPLE)]
    ratio = np.median(_lengths(model, sample)) / max(_natural(unscaled, model, texts, sample), 1e-12)
    scale = np.array([ratio if model.pairs and ratio > 0 else 1.0], dtype=np.float32)
    return replace(unscaled, arrays_by_name=arrays | {"scale": scale})


def widened(model: ItemModel, n_more: int) -> ItemModel:
    """Return an item model with items behind its own that score nothing, and add nothing in a history."""
    nobody = csr_array((n_more, model.n_items), dtype=np.float32)
    pairs = [_averaged(left, right, nobody, np.float32(1)) for left, right in model.pairs]
    return ItemModel(pairs, np.concatenate([model.popularity, np.zeros(n_more, dtype=np.float32)]))


def _natural(unscaled: ColumnMap, model: ItemModel, texts: FloatArray, sample: IntArray) -> float:
    """Return the median length of the columns that the map makes of warm items as if they were cold."""
    if unscaled.kind == "closed-form":
        columns = ColdText.from_arrays(unscaled.arrays_by_name).columns(texts[sample])
        columns[np.arange(len(sample)), sample] = 0
        return float(np.median(np.linalg.norm(columns, axis=1)))
    if not model.pairs or model.n_items < 2:
        return 1.0
    neighbours = unscaled._neighbours(texts[sample], sample)  # noqa: SLF001 - of the same file
    total = sum(
        _dense(left @ neighbours.T if right is None else left @ (right @ neighbours.T)) for left, right in model.pairs
    )
    return float(np.median(np.linalg.norm(total, axis=0)))


def _lengths(model: ItemModel, items: IntArray) -> FloatArray:
    if not model.pairs:
        return np.ones(1, dtype=np.float32)
    total = sum(_dense(left[:, items] if right is None else left @ right[:, items]) for left, right in model.pairs)
    lengths: FloatArray = np.linalg.norm(total, axis=0)
    return lengths


def _averaged(
    left: Factor, right: Factor | None, neighbours: csr_array, factor: np.float32
) -> tuple[Factor, Factor | None]:
    """Return factors in which cold items have their neighbours' mean rows, and `factor` times the mean columns."""
    if right is not None:
        return _stacked(left, neighbours @ left), _beside(right, (right @ neighbours.T) * factor)
    rows = _stacked(left, neighbours @ left)
    return _beside(rows, (rows @ neighbours.T) * factor), None


def _stacked(upper: Factor, lower: Factor) -> Factor:
    if issparse(upper):
        return csr_array(sp.vstack([upper, csr_array(lower)], format="csr"), dtype=np.float32)
    return np.concatenate([upper, _dense(lower)]).astype(np.float32)


def _beside(first: Factor, second: Factor) -> Factor:
    if issparse(first):
        return csr_array(sp.hstack([first, csr_array(second)], format="csr"), dtype=np.float32)
    return np.concatenate([first, _dense(second)], axis=1).astype(np.float32)


def _dense(matrix: Any) -> FloatArray:
    return np.asarray(matrix.toarray() if issparse(matrix) else matrix, dtype=np.float32)


def _largest(rows: FloatArray) -> csr_array:
    """Return the entries of each row that are largest in size, as many as a served model keeps."""
    if rows.shape[1] > MAX_WEIGHTS_PER_ITEM:
        least = np.partition(np.abs(rows), -MAX_WEIGHTS_PER_ITEM, axis=1)[:, -MAX_WEIGHTS_PER_ITEM]
        rows = np.where(np.abs(rows) >= least[:, np.newaxis], rows, np.float32(0))
    return csr_array(rows)
