"""The contract of a selector."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError
from llminit.selectors import FULL, SELECTORS, Selection, fit_selector
from llminit.testing.promise import close, promise, refuses


def check_selector(selector: Any) -> None:
    """Check that a selector keeps the promises of `llminit.selectors`.

    Args:
        selector: The name, or the function, which is registered if it is not yet.

    Raises:
        AssertionError: A promise is broken; the message says which.
        ConfigError: The selector cannot be registered; the message says what to write.
    """
    name = SELECTORS.name_of(selector)
    part = f"selector {name}"
    rng = np.random.default_rng(7)
    rows = rng.normal(1, 1, size=(80, 24)).astype(np.float32)
    rows[1] = rows[0]
    before, degrees = rows.copy(), rng.integers(0, 9, size=80)
    size = 24 if name == FULL else 5
    selection = _fitted(name, rows, size, degrees)
    values = selection.apply(rows)
    promise(values.shape == (80, size) and values.dtype == np.float32, "it returns float32 of shape (n, d)", part)
    promise(bool(np.isfinite(values).all()), "it returns finite numbers", part)
    own = values if selection.rows is None else selection.rows
    promise(
        own.shape == values.shape and own.dtype == np.float32,
        "the rows of its own items are float32 of shape (n, d)",
        part,
    )
    promise(np.array_equal(rows, before), "it does not change the text embeddings", part)
    again = _fitted(name, rows, size, degrees).apply(rows)
    promise(np.array_equal(values, again), "the same seed gives the same embeddings", part)
    promise(close(values[:1], values[1:2], 1e-5), "equal text embeddings give equal rows", part)
    promise(bool(np.ptp(values, axis=0).max() > 0), "different text embeddings give different rows", part)
    promise(close(selection.apply(rows[40:45]), values[40:45], 1e-4), "it maps rows independently of each other", part)
    new = selection.apply(rng.normal(size=(3, 24)).astype(np.float32))
    promise(new.shape == (3, size) and bool(np.isfinite(new).all()), "it maps new rows", part)
    unknown = refuses(ConfigError, lambda: _fitted(name, rows, size, degrees, no_such_option=1))
    promise(unknown, "it refuses unknown options", part)
    if name != FULL:
        promise(refuses(EmbeddingError, lambda: _fitted(name, rows, 25, degrees)), "it refuses d > D", part)


def _fitted(name: str, rows: FloatArray, size: int, degrees: IntArray, **options: Any) -> Selection:
    rng = np.random.default_rng(0)
    chosen = rng.random((40, len(rows))) < 0.2
    return fit_selector(
        name,
        rows,
        size,
        item_degrees=degrees,
        rng=rng,
        interactions=sp.csr_array(chosen, dtype=np.float32),
        options=options,
    )
