"""Fitting a selector by name, with its options validated."""

from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors.registry import SELECTORS
from llminit.selectors.selection import Selection, SelectorInput

FULL = "full"
"""The selector that keeps all columns, whatever the embedding size."""


def fit_selector(
    name: str,
    text_embeddings: FloatArray,
    embedding_size: int,
    *,
    item_degrees: IntArray,
    rng: np.random.Generator,
    options: dict[str, Any] | None = None,
) -> Selection:
    """Fit a selector by name.

    Args:
        name: A key of `SELECTORS`.
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d; `full` ignores it and keeps all D.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness; the same state gives the same selection.
        options: The selector's options.

    Raises:
        ConfigError: The selector, an option or an option's value is unknown or invalid, or d is not positive.
        EmbeddingError: D is smaller than d, there are too few items for the selector, or not one degree for each item.
    """
    entry = SELECTORS.entry(name)
    checked = entry.options_type.make(**(options or {}))
    data = SelectorInput(text_embeddings, embedding_size, item_degrees, rng)
    _check_input(data, may_be_narrow=name == FULL)
    return entry.part(data, **{option: getattr(checked, option) for option in entry.options_type.model_fields})


def _check_input(data: SelectorInput, *, may_be_narrow: bool) -> None:
    if data.embedding_size < 1:
        raise ConfigError(f"embedding_size={data.embedding_size} cannot be used, expected at least 1")
    if data.text_embeddings.shape[0] != len(data.item_degrees) or not len(data.item_degrees):
        raise EmbeddingError(
            f"found text embeddings of shape {data.text_embeddings.shape} and {len(data.item_degrees)} item degrees, "
            "expected one degree for each of at least one row"
        )
    if data.width < data.embedding_size and not may_be_narrow:
        raise EmbeddingError(
            f"embedding_size={data.embedding_size} exceeds the text embeddings' {data.width} dimensions; lower "
            "embedding_size or use a wider encoder"
        )
