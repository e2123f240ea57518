"""The two forms of embeddings."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from exported import arrays, floats
from llminit import Recommender
from llminit.export.forms import cosine_form, kept_by_cosine


@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0.0, 0.1, 1.0, 3.0]), d=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_cosines_of_the_wide_form_are_the_dot_products(seed: int, spread: float, d: int) -> None:
    """Each cosine is the dot product over |user| M, all items have the length M, and the first d columns are kept."""
    rng = np.random.default_rng(seed)
    users = floats(rng.normal(size=(7, d)))
    items = floats(rng.normal(size=(20, d)) * rng.lognormal(sigma=spread, size=(20, 1)))
    wide_users, wide_items, longest = cosine_form(users, items)
    assert wide_users.dtype == wide_items.dtype == np.float32
    np.testing.assert_array_equal(wide_users, np.hstack([users, np.zeros((7, 1))]))
    np.testing.assert_array_equal(wide_items[:, :d], items)
    lengths = np.linalg.norm(wide_items.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, longest, rtol=1e-6)
    assert longest == pytest.approx(max(np.linalg.norm(items.astype(np.float64), axis=1)))
    cosines = wide_users @ wide_items.T / lengths / np.linalg.norm(users, axis=1, keepdims=True)
    expected = users @ items.T / longest / np.linalg.norm(users, axis=1, keepdims=True)
    np.testing.assert_allclose(cosines, expected, atol=2e-6)


def test_items_of_no_length() -> None:
    """Where all items are zero, so is the last column, and nothing is NaN."""
    users, items, longest = cosine_form(np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32))
    assert longest == 0
    assert not items.any()
    assert users.shape == (2, 4)


def test_what_cosine_keeps_is_counted(recommender: Recommender) -> None:
    """The share is that of the ten best items that are also the ten best by cosine, counted in plain Python."""
    users, items = arrays(recommender)
    seen = recommender.seen.toarray() > 0
    kept = 0
    for user, has in zip(users, seen, strict=True):
        dots = [-np.inf if has[item] else float(user @ row) for item, row in enumerate(items)]
        cosines = [score / np.linalg.norm(row) for score, row in zip(dots, items, strict=True)]
        top = [set(sorted(range(len(items)), key=lambda item: -scores[item])[:10]) for scores in (dots, cosines)]
        kept += len(top[0] & top[1])
    found = kept_by_cosine(users, items, recommender.seen)
    assert found.share == pytest.approx(kept / (10 * len(users)))
    assert 0.2 < found.share < 0.9, "on this sample the two rankings differ"
    assert (found.k, found.n_users) == (10, len(users))


def test_items_of_one_length_lose_nothing() -> None:
    """Where all items have one length, cosine keeps all, also of users who have nearly everything."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=(9, 4))
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    seen = np.zeros((5, 9), dtype=np.float32)
    seen[0], seen[1, :7] = 1, 1
    kept = kept_by_cosine(floats(rng.normal(size=(5, 4))), floats(items), sp.csr_array(seen))
    assert (kept.share, kept.k) == (1, 9)
