"""Controls keep the statistics that they promise to keep, and lose the rest."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.comparison.controls import controlled
from llminit.initialization import InitialEmbeddings


def start(n_items: int = 30, width: int = 5, seed: int = 0) -> tuple[InitialEmbeddings, csr_array]:
    rng = np.random.default_rng(seed)
    items = (rng.normal(size=(n_items, width)) * [1, 2, 0.1, 5, 0] + [0, 3, -1, 0, 2]).astype(np.float32)
    train = csr_array((rng.random((20, n_items)) < 0.2).astype(np.float32))
    train.eliminate_zeros()
    users = np.zeros((20, width), dtype=np.float32)
    return InitialEmbeddings(pl.Series(range(20)), pl.Series(range(n_items)), users, items), train


def in_order(rows: FloatArray) -> FloatArray:
    return rows[np.lexsort(rows.T)]


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_shuffled_keeps_the_rows(seed: int) -> None:
    """Shuffling keeps the multiset of item rows, moves most of them, and depends on the seed alone."""
    initial, train = start()
    found = controlled(initial, "shuffled", train, seed)
    np.testing.assert_array_equal(in_order(found.items), in_order(initial.items))
    assert (found.items != initial.items).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(found.items, controlled(initial, "shuffled", train, seed).items)
    assert not np.array_equal(found.items, controlled(initial, "shuffled", train, seed + 1).items)


def test_noise_keeps_each_columns_mean_and_spread() -> None:
    """Noise has each column's mean and standard deviation, and no trace of the rows."""
    initial, train = start(n_items=400)
    found = controlled(initial, "noise", train, 3)
    np.testing.assert_allclose(found.items.mean(axis=0), initial.items.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(found.items.std(axis=0), initial.items.std(axis=0), rtol=1e-4)
    for column in range(4):
        assert abs(np.corrcoef(found.items[:, column], initial.items[:, column])[0, 1]) < 0.2


def test_noise_of_a_single_item() -> None:
    """A single item has standard deviation 0; its noise is the same row, not NaN."""
    initial, train = start(n_items=1)
    np.testing.assert_allclose(controlled(initial, "noise", train, 0).items, initial.items)


@pytest.mark.parametrize("control", ["shuffled", "noise"])
def test_users_follow_their_items(control: str | None) -> None:
    """The users of a control are the means of its items over their training interactions."""
    initial, train = start()
    found = controlled(initial, control, train, 1)
    for user in range(20):
        seen = train[[user]].indices
        expected = found.items[seen].mean(axis=0) if len(seen) else found.items.mean(axis=0)
        np.testing.assert_allclose(found.users[user], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("control", [None, "untrained"])
def test_untrained_is_the_initialisation_itself(control: str | None) -> None:
    """No control, and the untrained one, start where the initialisation starts."""
    initial, train = start()
    found = controlled(replace(initial), control, train, 1)
    np.testing.assert_array_equal(found.items, initial.items)
    np.testing.assert_array_equal(found.users, initial.users)
