"""Training triples: order and negatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.arrays import IntArray
from llminit.errors import DataError
from llminit.training import TripleSampler
from sample_graphs import random_pairs


def sampler_of(seed: int = 0, n_users: int = 8, n_items: int = 10, n_pairs: int = 40) -> TripleSampler:
    return TripleSampler(*random_pairs(np.random.default_rng(seed), n_users, n_items, n_pairs), n_users, n_items)


def epoch(sampler: TripleSampler, seed: int = 0, *, negatives: bool = True) -> IntArray:
    return sampler.epoch(np.random.default_rng(seed), negatives=negatives)


@given(seed=st.integers(0, 1000), n_users=st.integers(2, 9), n_items=st.integers(2, 9), data=st.data())
@settings(max_examples=50, deadline=None)
def test_each_interaction_comes_once_with_an_unseen_item(
    seed: int, n_users: int, n_items: int, data: st.DataObject
) -> None:
    """An epoch holds each interaction once, as rows of the embedding matrix, with a negative that is not seen."""
    n_pairs = data.draw(st.integers(1, (n_users - 1) * (n_items - 1)))
    sampler = sampler_of(seed, n_users, n_items, n_pairs)
    users, positives, negatives = epoch(sampler, seed).tolist()
    seen = set(zip(sampler.users.tolist(), (sampler.items + n_users).tolist(), strict=True))
    assert sorted(zip(users, positives, strict=True)) == sorted(seen)
    assert not seen & set(zip(users, negatives, strict=True))
    assert all(n_users <= row < n_users + n_items for row in negatives)


def test_order_and_negatives_are_seeded() -> None:
    """The same generator state gives the same epoch; another one another order and other negatives."""
    first, again, other = (epoch(sampler_of(), seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[2], other[2])


def test_without_negatives_none_are_drawn() -> None:
    """A backbone that uses no negatives gets none, and the same order."""
    with_them, without = epoch(sampler_of()), epoch(sampler_of(), negatives=False)
    assert np.array_equal(with_them[:2], without)
    assert without.dtype == np.int64


def test_negatives_are_uniform_over_unseen_items() -> None:
    """Each unseen item of a user is drawn equally often: chi-square below its 99.9 % point."""
    seen = np.array([0, 3, 4, 8])
    sampler = TripleSampler(np.zeros(4, dtype=np.int64), seen, 2, 12)
    drawn = sampler.sample_negatives(np.zeros(40_000, dtype=np.int64), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=12)
    assert (counts[seen] == 0).all()
    unseen = np.delete(counts, seen)
    assert ((unseen - 5000) ** 2 / 5000).sum() < 24.32  # 7 degrees of freedom.


def test_the_only_unseen_item_is_found() -> None:
    """A user who has seen all items but one always gets that one."""
    seen = np.delete(np.arange(300), 123)
    sampler = TripleSampler(np.zeros(299, dtype=np.int64), seen, 1, 300)
    assert set(sampler.sample_negatives(np.zeros(50, dtype=np.int64), np.random.default_rng(0)).tolist()) == {123}


def test_a_user_who_has_seen_everything_does_not_hang() -> None:
    """Without any unseen item, some item is drawn; the other users still get unseen ones."""
    users, items = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 2])
    drawn = TripleSampler(users, items, 2, 3).sample_negatives(np.array([0, 1, 0, 1]), np.random.default_rng(0))
    assert set(drawn.tolist()) <= {0, 1, 2}
    assert drawn[[1, 3]].tolist() == [1, 1]


def test_no_interactions() -> None:
    """An empty training set is an error."""
    with pytest.raises(DataError, match="no training interactions"):
        TripleSampler(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 3, 3)
