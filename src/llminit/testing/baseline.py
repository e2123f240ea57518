"""The contract of a baseline."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, InputError
from llminit.models import BASELINES, Baseline, Sizes
from llminit.models.serving import serving_from
from llminit.testing.promise import close, promise, refuses

MAX_GRID_POINTS = 12
"""The largest grid allowed, because a comparison fits every point for every seed."""


def check_baseline(kind: type[Baseline]) -> None:
    """Check that a baseline keeps the promises of `llminit.models.Baseline`.

    Args:
        kind: The class.

    Raises:
        AssertionError: A promise is broken; the message says which.
        ConfigError: The class cannot be registered; the message says what to write.
    """
    part = f"baseline {BASELINES.describe(kind).name}"
    promise(refuses(ConfigError, lambda: kind.make(no_such_option=1)), "it refuses unknown options", part)
    train, text = _sample()
    baseline = kind.make()
    before, text_before, users = train.copy(), text.copy(), np.array([3, 0, 3, 11])
    scores = baseline.fit(train, text).scores(users)
    promise(scores.dtype == np.float32 and scores.shape == (4, 8), "scores are float32, one row for each user", part)
    promise(bool(np.isfinite(scores).all()), "scores are finite", part)
    promise(np.array_equal(scores[0], scores[2]), "a user given twice gets the same scores twice", part)
    again = baseline.fit(train, text).scores(users)
    promise(np.array_equal(scores, again), "fitting again gives the same scores", part)
    same = np.array_equal(train.toarray(), before.toarray()) and np.array_equal(text, text_before)
    promise(same, "it does not change its input", part)
    _check_serving(baseline, part)
    _check_odd_input(baseline, part)
    _check_duplicates_and_zeros(baseline, part)
    _check_users_without_history(kind, part)
    _check_text_need(kind, part)
    _check_grid(kind, part)


def _sample() -> tuple[csr_array, FloatArray]:
    rng = np.random.default_rng(11)
    train = csr_array((rng.random((12, 8)) < 0.4).astype(np.float32))
    return train, rng.normal(size=(8, 5)).astype(np.float32)


def _check_serving(baseline: Baseline, part: str) -> None:
    """What is saved and served scores as what was fitted, before and after it went through arrays."""
    train, text = _sample()
    rows = train.toarray()
    rows[4] = 0
    fitted, users = baseline.fit(csr_array(rows), text), np.arange(12)
    serving, expected = fitted.serving(), fitted.scores(users)
    again = serving_from(serving.form, serving.arrays())
    for model in (serving, again):
        scores = model.scores(users, csr_array(rows))
        kept = scores.dtype == np.float32 and scores.shape == expected.shape
        promise(kept and close(scores, expected, 1e-4), "what it serves scores as what was fitted", part)
    promise(serving.item_vectors().shape[0] == serving.n_items == 8, "there is a vector for each item", part)


def _check_odd_input(baseline: Baseline, part: str) -> None:
    train, text = _sample()
    rows = train.toarray()
    rows[5], rows[:, 6], text[2] = 0, 0, 0
    scores = baseline.fit(csr_array(rows), text).scores(np.arange(12))
    what = "users without history, and items without interactions or text, get finite scores"
    promise(bool(np.isfinite(scores).all()), what, part)
    nothing = csr_array((3, 8), dtype=np.float32)
    promise(refuses(InputError, lambda: baseline.fit(nothing, text), "no interaction"), "it refuses no data", part)
    dense: Any = np.ones((3, 8), dtype=np.float32)
    promise(refuses(InputError, lambda: baseline.fit(dense, text), "scipy.sparse"), "it refuses dense data", part)
    broken = csr_array(np.array([[1.0, np.nan]]))
    promise(refuses(InputError, lambda: baseline.fit(broken, text[:2]), "NaN"), "it refuses NaN", part)


def _check_duplicates_and_zeros(baseline: Baseline, part: str) -> None:
    """Check that entries stored in two halves add up, that stored zeros are ignored, and that both stay unchanged."""
    train, text = _sample()
    tidy = train.tocoo()
    values = np.concatenate([tidy.data / 2, tidy.data / 2, [0]]).astype(np.float32)
    rows, columns = (np.concatenate([codes, codes, [zero]]) for codes, zero in ((tidy.row, 1), (tidy.col, 3)))
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=12))])
    untidy = csr_array((values[order], columns[order], indptr), shape=(12, 8))
    data, indices, users = untidy.data.copy(), untidy.indices.copy(), np.arange(12)
    scores, expected = baseline.fit(untidy, text).scores(users), baseline.fit(train, text).scores(users)
    promise(np.array_equal(scores, expected), "entries that are stored twice add up, stored zeros are ignored", part)
    same = np.array_equal(untidy.data, data) and np.array_equal(untidy.indices, indices)
    promise(same, "it does not change duplicates and zeros in its input", part)


def _check_users_without_history(kind: type[Baseline], part: str) -> None:
    """Check that users without history get popularity's ranking, with its ties, at every point of the grid."""
    train, text = _sample()
    rows = train.toarray()
    rows[[4, 5]] = 0
    popularity = np.unique((rows != 0).sum(axis=0), return_inverse=True)[1]
    users = np.array([5, 0, 4, 5])
    for options in _points(kind):
        scores = kind.make(**options).fit(csr_array(rows * 2), text).scores(users)
        for row in (0, 2, 3):
            order = np.unique(scores[row], return_inverse=True)[1]
            promise(np.array_equal(order, popularity), "users without history get popularity's ranking", part)


def _check_text_need(kind: type[Baseline], part: str) -> None:
    train, _ = _sample()
    if kind.needs_text:
        refused = refuses(ConfigError, lambda: kind.make().fit(train), "was given no text")
        promise(refused, "it says that it needs text", part)
    else:
        kind.make().fit(train, np.full((1, 1), np.nan, dtype=np.float32))  # must be ignored


def _check_grid(kind: type[Baseline], part: str) -> None:
    points = list(_points(kind))
    promise(len(points) <= MAX_GRID_POINTS, f"its grid has at most {MAX_GRID_POINTS} points", part)
    all_made = all(kind.make(**options).model_dump().items() >= options.items() for options in points)
    promise(all_made, "every point of its grid can be made", part)
    few, many = (kind.memory_bytes(Sizes(n, n, 10 * n, 64, 384)) for n in (1000, 100_000))
    promise(0 <= few <= many, "its estimate of memory grows with the data", part)


def _points(kind: type[Baseline]) -> Iterator[dict[str, Any]]:
    for values in product(*kind.grid.values()):
        yield dict(zip(kind.grid, values, strict=True))
