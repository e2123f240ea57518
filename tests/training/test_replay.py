"""Training on what is new, with some of the old beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.errors import DataError
from llminit.training import ReplaySampler

N_USERS, N_ITEMS = 9, 7


@given(seed=st.integers(0, 10**6), n_new=st.integers(0, 20), share=st.floats(0, 5), negatives=st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_epoch_is_all_that_is_new_and_some_of_the_old(seed: int, n_new: int, share: float, negatives: bool) -> None:
    """Every new pair once, as many distinct old ones as asked for; negatives are in no history, old or new."""
    rng = np.random.default_rng(seed)
    keys = rng.choice(N_USERS * N_ITEMS, size=30, replace=False)
    users, items = keys // N_ITEMS, keys % N_ITEMS
    is_new = np.arange(30) < n_new
    sampler = ReplaySampler(users, items, is_new, N_USERS, N_ITEMS, share=share)
    epochs = [sampler.epoch(np.random.default_rng(number), negatives=negatives) for number in (1, 1, 2)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    for triples in epochs:
        found = (triples[0] * N_ITEMS + triples[1] - N_USERS).tolist()
        assert len(set(found)) == len(found) == n_new + min(30 - n_new, round(share * n_new))
        assert set(keys[:n_new].tolist()) <= set(found) <= set(keys.tolist())
        if negatives:
            full = np.bincount(users, minlength=N_USERS)[triples[0]] == N_ITEMS
            drawn = triples[0] * N_ITEMS + triples[2] - N_USERS
            assert not set(drawn[~full].tolist()) & set(keys.tolist())


def test_nothing_to_train_on() -> None:
    """Without any interaction there is nothing to sample."""
    with pytest.raises(DataError, match="no training interactions"):
        ReplaySampler(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), 3, 3)
