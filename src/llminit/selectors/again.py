"""A fitted selection over the interactions of another day: its map or, where that is better, a new one beside it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray
from llminit.selectors.fit import fit_selector
from llminit.selectors.graph import propagated
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput

CANONICAL, PROPAGATED = "canonical", "propagated-whiten"


def fitted_again(
    selection: Selection, name: str, options: Mapping[str, Any], texts: FloatArray, interactions: sp.csr_array
) -> Selection:
    """Return a selection fitted to other interactions, whose rows lie where the old one's do as nearly as they can.

    Only `canonical` is fitted again, because its directions are those in which histories are alike; all others are
    returned as they are. Its directions have one variance and serve as well when they are turned together. So they are
    turned to be nearest to the old ones (orthogonal Procrustes: Schönemann, 1966), and what training has added to rows
    of the old ones can be added to theirs.

    Args:
        selection: The fitted map.
        name: The selector that it was fitted by.
        options: Its options.
        texts: float32 of shape (n_items, D); zeros for an item without text.
        interactions: float32 CSR of shape (n_users, n_items), ones.
    """
    if name != CANONICAL or selection.matrix is None:
        return selection
    present = np.any(texts, axis=1)
    values, seen = texts[present], interactions[:, present]
    degrees = np.bincount(seen.indices, minlength=len(values))
    of_today = fit_selector(
        name,
        values,
        selection.matrix.shape[1],
        item_degrees=degrees,
        rng=np.random.default_rng(0),
        interactions=seen,
        options=dict(options),
    )
    assert of_today.matrix is not None
    left, _, right = np.linalg.svd(of_today.apply(values).T.astype(np.float64) @ selection.apply(values))
    return replace(of_today, matrix=(of_today.matrix @ (left @ right)).astype(np.float32))


def applied_over(
    selection: Selection, name: str, options: Mapping[str, Any], texts: FloatArray, interactions: sp.csr_array
) -> FloatArray:
    """Return the item embeddings that a selection gives with these interactions, float32 of shape (n_items, d).

    As in a fit, items without text get the mean of the others, and a selector without hops does not look at the
    interactions. What else was made of the training graph, as by `svd`, is not made again.

    Args:
        selection: The fitted map.
        name: The selector that it was fitted by.
        options: Its options.
        texts: float32 of shape (n_items, D); zeros for an item without text.
        interactions: float32 CSR of shape (n_users, n_items), ones.
    """
    present = np.any(texts, axis=1)
    if not present.any():
        return selection.apply(texts)
    made = _with_hops(selection, name, options, texts[present], interactions[:, present])
    result = np.empty((len(texts), made.shape[1]), dtype=np.float32)
    result[present] = made
    result[~present] = made.mean(axis=0, dtype=np.float64)
    return result


def _with_hops(
    selection: Selection, name: str, options: Mapping[str, Any], values: FloatArray, interactions: sp.csr_array
) -> FloatArray:
    degrees = np.bincount(interactions.indices, minlength=len(values))
    data = SelectorInput(values, 1, degrees, np.random.default_rng(0), interactions)
    if not interactions.nnz:
        return selection.apply(values)
    if name == PROPAGATED:
        # The map is linear, so that the hop may come after it, over fewer columns.
        reduced = replace(data, text_embeddings=selection.apply(values))
        return propagated(reduced, options.get("weight", 1.0))
    composition = SELECTORS.composition(name)
    if composition is None:
        return selection.apply(values)
    for (stage, number), fitted in zip(composition.stages, selection.before, strict=True):
        values = propagated(data, number or 1.0) if stage == "propagate" else fitted.apply(data.text_embeddings)
        data = replace(data, text_embeddings=values)
    return replace(selection, before=()).apply(values)
