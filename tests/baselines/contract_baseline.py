"""What every baseline promises."""

from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.errors import ConfigError, InputError


def check_baseline(kind):
    """Check a baseline class: scores of the right shape, from what it is given alone, the same each time."""
    baseline = kind.make()
    rng = np.random.default_rng(11)
    train = csr_array((rng.random((12, 8)) < 0.4).astype(np.float32))
    text = rng.normal(size=(8, 5)).astype(np.float32)
    before, text_before = train.copy(), text.copy()
    users = np.array([3, 0, 3, 11])
    scores = baseline.fit(train, text).scores(users)
    assert scores.dtype == np.float32
    assert scores.shape == (4, 8)
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[2])
    assert np.array_equal(scores, baseline.fit(train, text).scores(users))
    assert np.array_equal(train.toarray(), before.toarray())
    assert np.array_equal(text, text_before)
    _check_odd_input(baseline, train, text)
    _check_untidy_input(baseline, train, text)
    _check_users_without_history(kind, train, text)
    _check_text_need(kind, train)
    _check_grid(kind)
    with pytest.raises(ConfigError, match="unknown option"):
        kind.make(no_such_option=1)


def _check_odd_input(baseline, train, text):
    holes, text_holes = train.toarray(), text.copy()
    holes[5], holes[:, 6], text_holes[2] = 0, 0, 0
    scores = baseline.fit(csr_array(holes), text_holes).scores(np.arange(12))
    assert np.isfinite(scores).all(), "users without history, items without interactions or text get finite scores"
    with pytest.raises(InputError, match="no interaction"):
        baseline.fit(csr_array((3, 8), dtype=np.float32), text)
    with pytest.raises(InputError, match=r"scipy\.sparse"):
        baseline.fit(np.ones((3, 8), dtype=np.float32), text)
    with pytest.raises(InputError, match="NaN"):
        baseline.fit(csr_array(np.array([[1.0, np.nan]])), text[:2])


def _check_users_without_history(kind, train, text):
    """Users of whom nothing is known get popularity's ranking, with its ties, at every point of the grid."""
    rows = train.toarray()
    rows[[4, 5]] = 0
    popularity = np.unique((rows != 0).sum(axis=0), return_inverse=True)[1]
    assert popularity.max() > 1, "a ranking of more than two places"
    users = np.array([5, 0, 4, 5])
    for point in product(*kind.grid.values()):
        scores = kind.make(**dict(zip(kind.grid, point, strict=True))).fit(csr_array(rows * 2), text).scores(users)
        for newcomer in (0, 2, 3):
            assert np.array_equal(np.unique(scores[newcomer], return_inverse=True)[1], popularity)


def _check_untidy_input(baseline, train, text):
    """Halves stored twice and stored zeros mean what they add up to, and stay as they are."""
    tidy = train.tocoo()
    values = np.concatenate([tidy.data / 2, tidy.data / 2, [0]]).astype(np.float32)
    rows, columns = (np.concatenate([codes, codes, [at]]) for codes, at in ((tidy.row, 1), (tidy.col, 3)))
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=12))])
    untidy = csr_array((values[order], columns[order], indptr), shape=(12, 8))
    data, indices = untidy.data.copy(), untidy.indices.copy()
    users = np.arange(12)
    assert np.array_equal(baseline.fit(untidy, text).scores(users), baseline.fit(train, text).scores(users))
    assert np.array_equal(untidy.data, data)
    assert np.array_equal(untidy.indices, indices)


def _check_text_need(kind, train):
    if kind.needs_text:
        with pytest.raises(ConfigError, match="was given no text"):
            kind.make().fit(train)
    else:
        kind.make().fit(train, np.full((1, 1), np.nan))  # not looked at


def _check_grid(kind):
    points = list(product(*kind.grid.values()))
    assert len(points) <= 12, "a grid is small"
    for point in points:
        options = dict(zip(kind.grid, point, strict=True))
        assert kind.make(**options).model_dump().items() >= options.items()
