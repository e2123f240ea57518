"""Training triples: order and negatives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.errors import DataError
from llminit.training import TripleSampler
from sample_graphs import random_pairs

CPU = torch.device("cpu")


def sampler_of(seed=0, n_users=8, n_items=10, n_pairs=40):
    return TripleSampler(*random_pairs(np.random.default_rng(seed), n_users, n_items, n_pairs), n_users, n_items)


def epoch(sampler, size=7, seed=0, *, negatives=True):
    return list(sampler.batches(size, np.random.default_rng(seed), negatives=negatives, device=CPU))


@given(
    seed=st.integers(0, 1000),
    n_users=st.integers(2, 9),
    n_items=st.integers(2, 9),
    size=st.integers(1, 50),
    data=st.data(),
)
@settings(max_examples=50, deadline=None)
def test_each_interaction_comes_once_with_an_unseen_item(seed, n_users, n_items, size, data):
    """An epoch holds each interaction once, as rows of the embedding matrix, with a negative that is not seen."""
    n_pairs = data.draw(st.integers(1, (n_users - 1) * (n_items - 1)))
    sampler = sampler_of(seed, n_users, n_items, n_pairs)
    batches = epoch(sampler, size, seed)
    users, positives, negatives = (torch.cat(part).tolist() for part in zip(*batches, strict=True))
    seen = set(zip(sampler.users.tolist(), (sampler.items + n_users).tolist(), strict=True))
    assert sorted(zip(users, positives, strict=True)) == sorted(seen)
    assert not seen & set(zip(users, negatives, strict=True))
    assert all(n_users <= row < n_users + n_items for row in negatives)
    assert [len(batch.users) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert 1 <= len(batches[-1].users) <= size


def test_order_and_negatives_are_seeded():
    """The same generator state gives the same epoch; another one another order and other negatives."""
    first, again, other = (epoch(sampler_of(), 40, seed)[0] for seed in (0, 0, 1))
    assert all(torch.equal(left, right) for left, right in zip(first, again, strict=True))
    assert not torch.equal(first.users, other.users)
    assert not torch.equal(first.negatives, other.negatives)


def test_without_negatives_none_are_drawn():
    """A backbone that uses no negatives gets none, and the same order."""
    with_them, without = epoch(sampler_of(), 40)[0], epoch(sampler_of(), 40, negatives=False)[0]
    assert torch.equal(with_them.positives, without.positives)
    assert len(without.negatives) == 0
    assert without.negatives.dtype == torch.int64


def test_negatives_are_uniform_over_unseen_items():
    """Each unseen item of a user is drawn equally often: chi-square below its 99.9 % point."""
    seen = np.array([0, 3, 4, 8])
    sampler = TripleSampler(np.zeros(4, dtype=np.int64), seen, 2, 12)
    drawn = sampler.sample_negatives(np.zeros(40_000, dtype=np.int64), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=12)
    assert (counts[seen] == 0).all()
    unseen = np.delete(counts, seen)
    assert ((unseen - 5000) ** 2 / 5000).sum() < 24.32  # 7 degrees of freedom.


def test_the_only_unseen_item_is_found():
    """A user who has seen all items but one always gets that one."""
    seen = np.delete(np.arange(300), 123)
    sampler = TripleSampler(np.zeros(299, dtype=np.int64), seen, 1, 300)
    assert set(sampler.sample_negatives(np.zeros(50, dtype=np.int64), np.random.default_rng(0)).tolist()) == {123}


def test_a_user_who_has_seen_everything_does_not_hang():
    """Without any unseen item, some item is drawn; the other users still get unseen ones."""
    users, items = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 2])
    drawn = TripleSampler(users, items, 2, 3).sample_negatives(np.array([0, 1, 0, 1]), np.random.default_rng(0))
    assert set(drawn.tolist()) <= {0, 1, 2}
    assert drawn[[1, 3]].tolist() == [1, 1]


def test_no_interactions():
    """An empty training set is an error."""
    with pytest.raises(DataError, match="no training interactions"):
        TripleSampler(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 3, 3)
