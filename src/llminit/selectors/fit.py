"""Fitting a selector by name, with its options validated."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import FULL, Selection, SelectorInput


def fit_selector(
    name: str,
    text_embeddings: FloatArray,
    embedding_size: int,
    *,
    item_degrees: IntArray,
    rng: np.random.Generator,
    interactions: sp.csr_array | None = None,
    options: dict[str, Any] | None = None,
) -> Selection:
    """Fit a selector by name.

    Args:
        name: A selector, or a composition such as "center|pca:96+svd:32".
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d; `full` ignores it and keeps all D.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness; the same state gives the same selection.
        interactions: float32 CSR of shape (n_users, n), ones: the training interactions of these items. Selectors that
            look at the training graph need them.
        options: The selector's options.

    Raises:
        ConfigError: The selector, an option or an option's value is unknown or invalid, or d is not positive.
        EmbeddingError: D is smaller than d, there are too few items for the selector, not one degree for each item, or
            interactions of other items or of none where the selector needs them.
    """
    entry = SELECTORS.entry(name)
    checked = entry.options_type.make(**(options or {}))
    data = SelectorInput(text_embeddings, embedding_size, item_degrees, rng, interactions)
    # The parts of a composition validate their own widths.
    _check_input(data, may_be_narrow=name == FULL or SELECTORS.composition(name) is not None)
    return entry.part(data, **{option: getattr(checked, option) for option in entry.options_type.model_fields})


def check_selection(name: str, options: dict[str, Any], embedding_size: int) -> None:
    """Validate a selector's name, its options and, where it is composed, its widths; before any work.

    Raises:
        ConfigError: The selector, an option or an option's value is unknown or invalid, or the widths do not add up.
    """
    SELECTORS.entry(name).options_type.make(**options)
    needed_width(name, embedding_size)


def needed_width(name: str, embedding_size: int) -> int:
    """Return how many columns the text embeddings need to have; `full` takes any number.

    Raises:
        ConfigError: The selector is composed, and its widths do not add up to the embedding size.
    """
    composition = SELECTORS.composition(name)
    if composition is not None:
        return composition.text_width(embedding_size)
    return 1 if name == FULL else embedding_size


def _check_input(data: SelectorInput, *, may_be_narrow: bool) -> None:
    if data.embedding_size < 1:
        raise ConfigError(f"embedding_size={data.embedding_size} cannot be used, expected at least 1")
    if data.text_embeddings.shape[0] != len(data.item_degrees) or not len(data.item_degrees):
        raise EmbeddingError(
            f"found text embeddings of shape {data.text_embeddings.shape} and {len(data.item_degrees)} item degrees, "
            "expected one degree for each of at least one row"
        )
    if data.interactions is not None and data.interactions.shape[1] != len(data.text_embeddings):
        raise EmbeddingError(
            f"found interactions of {data.interactions.shape[1]} items and text embeddings of "
            f"{len(data.text_embeddings)}, expected one column for each row"
        )
    if not may_be_narrow:
        data.check_width()
