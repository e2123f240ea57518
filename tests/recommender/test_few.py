"""The best items of a few users by one pass over the items, beside a matrix product that is sorted."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import InputError
from llminit.models.serving import DotProduct
from llminit.recommender import few
from llminit.recommender.choice import Candidates
from llminit.recommender.few import are_few, best_of_few, prepare
from llminit.recommender.ranking import best_lists


def tables(n_users: int, n_items: int, width: int, rng: np.random.Generator) -> DotProduct:
    """Small whole numbers: products are exact, and many are equal."""
    users, items = (rng.integers(-2, 3, size=(rows, width)).astype(np.float32) for rows in (n_users, n_items))
    return DotProduct(users, items)


def some(n_rows: int, n_items: int, share: float, rng: np.random.Generator) -> sp.csr_array:
    return sp.csr_array((rng.random((n_rows, n_items)) < share).astype(np.float32))


def slow(scores: AnyArray, left_out: AnyArray, k: int) -> tuple[IntArray, FloatArray]:
    """Each user's list by a plain sort: best first, of equal scores the lower code."""
    codes, best = np.full((len(scores), k), -1), np.full((len(scores), k), -np.inf, dtype=np.float32)
    for row, (values, out) in enumerate(zip(scores, left_out, strict=True)):
        order = sorted(np.flatnonzero(~out).tolist(), key=lambda item: (-values[item], item))[:k]
        codes[row, : len(order)], best[row, : len(order)] = order, values[order]
    return codes, best


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 150), st.integers(1, 20), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_lists_are_those_of_a_plain_sort(
    seed: int, n_users: int, n_items: int, k: int, for_all: bool, by_user: bool
) -> None:
    """Whatever is removed, for all, for one or as seen, the lists are those of all products sorted."""
    rng = np.random.default_rng(seed)
    model, users = tables(11, n_items, 5, rng), rng.integers(0, 11, size=n_users)
    removed = rng.random(n_items) < rng.choice([0.1, 0.9]) if for_all else None
    own = some(11, n_items, 0.2, rng) if by_user else None
    history = some(n_users, n_items, 0.3, rng)
    k = min(k, n_items)
    found = best_of_few(model, users, k, Candidates(removed, own), history)
    left_out = history.toarray() > 0
    left_out |= False if removed is None else removed
    left_out |= False if own is None else own[users].toarray() > 0
    for one, other in zip(found, slow(model.users[users] @ model.items.T, left_out, k), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_the_same_lists_as_for_many(monkeypatch: pytest.MonkeyPatch, exclude_seen: bool) -> None:
    """`best_lists` gives the same whichever way a catalogue is large enough for."""
    rng = np.random.default_rng(1)
    model, seen = tables(30, 400, 16, rng), some(30, 400, 0.1, rng)
    users, counts = rng.integers(0, 30, size=7), rng.integers(1, 30, size=7)
    chosen = Candidates(rng.random(400) < 0.2, some(30, 400, 0.1, rng))
    plain = best_lists(model, seen, users, counts, chosen, exclude_seen=exclude_seen)
    monkeypatch.setattr(few, "MANY", 0)
    assert are_few(model, 7, 30)
    for one, other in zip(
        best_lists(model, seen, users, counts, chosen, exclude_seen=exclude_seen), plain, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_for_whom_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some users of a large catalogue of float32 embeddings; not for one alone, nor for very long lists."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(few, "MANY", 100)
    model = tables(3, 100, 4, rng)
    assert are_few(model, 2, 10)
    assert not are_few(model, 1, 10)
    assert not are_few(model, few.FEW + 1, 10)
    assert not are_few(model, 2, 5000)
    assert not are_few(tables(3, 99, 4, rng), 2, 10)
    assert not are_few(DotProduct(model.users.astype(np.float64), model.items), 2, 10)


def test_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NaN in a user's or an item's row is said, as it is where all products are made."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(few, "MANY", 0)
    for table in ("users", "items"):
        model = tables(5, 80, 4, rng)
        getattr(model, table)[3, 1] = np.nan
        with pytest.raises(InputError, match="hold NaN"):
            best_of_few(model, np.arange(5), 3, Candidates(), None)


def test_real_numbers_are_ranked_as_by_a_product() -> None:
    """With 128 random columns the scores are those of a matrix product within float32, and so is the order."""
    rng = np.random.default_rng(0)
    model = DotProduct(*(rng.normal(size=(rows, 128)).astype(np.float32) for rows in (6, 5001)))
    codes, best = best_of_few(model, np.arange(6), 10, Candidates(), None)
    exact = model.users.astype(np.float64) @ model.items.astype(np.float64).T
    np.testing.assert_array_equal(codes, np.argsort(-exact, axis=1)[:, :10])
    np.testing.assert_allclose(best, -np.sort(-exact, axis=1)[:, :10], rtol=1e-5)


def test_preparing_does_nothing_where_it_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled pass is loaded for a large catalogue alone."""
    rng = np.random.default_rng(0)
    calls: list[int] = []
    monkeypatch.setattr(few, "best_of_few", lambda model, *_: calls.append(model.n_items))
    prepare(tables(3, 10, 4, rng))
    assert calls == []
    monkeypatch.setattr(few, "MANY", 10)
    prepare(tables(3, 10, 4, rng))
    assert calls == [2]
