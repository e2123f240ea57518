"""Which map makes cold items, and how much they are shown: chosen on warm items that are pretended to be cold."""

from dataclasses import replace

import numpy as np

from llminit.fold_in.item_map import ItemMap, Shape, fit_item_map
from llminit.fold_in.pretended import Curve, WarmModel, pretended_curves

DEFAULT_EXPOSURE = 1.0
MAX_WARM_LOSS = 0.02

MIN_MEASURED = 50
"""Of fewer cold interactions a choice would be a draw: the default map is taken as it is."""

_FACTORS = (1, 2, 4)
_STANDARD_ERRORS = 2


def candidate_shapes(model: WarmModel) -> list[Shape]:
    """Return the maps that are measured; the first one is taken where nothing can be measured.

    The start itself can serve where it is as wide as what serves.
    """
    by_text = model.texts is not None
    nearest = Shape("nearest", 5, by_text)
    return [nearest, Shape("start")] if model.starts.shape[1] == model.items.shape[1] else [nearest]


def choose_item_map(model: WarmModel, max_warm_loss: float = MAX_WARM_LOSS, seed: int = 0) -> ItemMap:
    """Choose the map whose cold items gain most at a loss of warm items, and the exposure that costs that much.

    It is the first of `candidate_shapes` unless another gains clearly more: a few hundred interactions are measured.

    Args:
        model: A model of dot products, its items' texts and what it was trained on.
        max_warm_loss: The trade: the largest relative loss of warm ndcg@10.
        seed: Of the items that are pretended to be cold.

    Returns:
        The map, fitted to all items with text; the default one where too few interactions can be measured.
    """
    maps = [fitted_to_warm(model, shape) for shape in candidate_shapes(model)]
    curves = pretended_curves(model, maps, seed) if model.valid.nnz else []
    if not curves or curves[0].n_cold < MIN_MEASURED:
        return maps[0]
    best = best_of(curves, max_warm_loss)
    exposure = curves[best].exposure_at(max_warm_loss)
    return replace(maps[best], exposure=exposure, measured=_rows(curves[best]))


def best_of(curves: list[Curve], max_warm_loss: float) -> int:
    """Return the number of the first map, or of one that gains more than it by more than chance would."""
    gains = np.array([_gain(curve, max_warm_loss) for curve in curves])
    errors = np.sqrt((gains + gains[0]) / curves[0].n_cold)
    better = gains - gains[0] > _STANDARD_ERRORS * errors
    return int(np.argmax(np.where(better, gains, -1))) if better.any() else 0


def _gain(curve: Curve, max_warm_loss: float) -> float:
    """Return what a map gains at the trade and beyond: at a small loss alone, few hits would decide."""
    return sum(curve.recall_at(factor * max_warm_loss) for factor in _FACTORS) / len(_FACTORS)


def fitted_to_warm(model: WarmModel, shape: Shape, exposure: float = DEFAULT_EXPOSURE) -> ItemMap:
    """Return a map that is fitted to all items with text."""
    rows = np.flatnonzero(model.has_text)
    texts = None if model.texts is None else model.texts[rows]
    return fit_item_map(shape, model.starts[rows], model.items[rows], model.degrees[rows], exposure, texts)


def _rows(curve: Curve) -> tuple[dict[str, float], ...]:
    columns = zip(curve.exposures.tolist(), curve.warm_loss.tolist(), curve.recall.tolist(), strict=True)
    return tuple({"exposure": exposure, "warm_loss": loss, "recall@10": recall} for exposure, loss, recall in columns)
