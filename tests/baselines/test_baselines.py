"""Popularity, item-kNN and EASE."""

import numpy as np
import pytest
from contract_baseline import check_baseline
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_baselines import slow_ease, slow_similarities
from scipy.sparse import csr_array

from llminit.baselines import BASELINES, EASE, ItemKNN, Popularity, base, make_baseline
from llminit.errors import ConfigError


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_keeps_the_contract(name):
    """Each registered baseline passes `check_baseline`."""
    check_baseline(BASELINES[name])


def random_train(seed, n_users=15, n_items=9):
    """Draw a training matrix with at least one interaction."""
    train = (np.random.default_rng(seed).random((n_users, n_items)) < 0.3).astype(np.float32)
    train[0, 0] = 1
    return train


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, k=st.integers(1, 9), shrink=st.sampled_from([0.0, 3.7]))
def test_item_knn_agrees_with_its_slow_version(seed, k, shrink):
    """Each item keeps its k largest similarities of all, at the right places; scores add up the user's."""
    train = random_train(seed)
    model = ItemKNN(k=k, shrink=shrink).fit(csr_array(train))
    weights, similarities = model.weights.toarray(), slow_similarities(train, shrink)
    assert weights[weights > 0] == pytest.approx(similarities[weights > 0])
    # Which of several equal similarities is kept may hang on the last bit, so the kept values are compared.
    assert np.sort(weights, axis=0)[-k:] == pytest.approx(np.sort(similarities, axis=0)[-k:])
    assert ((weights > 0).sum(axis=0) <= k).all()
    assert model.scores(np.arange(len(train))) == pytest.approx(train @ weights)


def test_item_knn_keeps_the_nearest_neighbours_only():
    """With k=1 an item listens to its most similar other item alone."""
    train = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], dtype=np.float32)
    model = ItemKNN(k=1, shrink=0).fit(csr_array(train))
    cosine_01, cosine_02 = 2 / np.sqrt(3 * 2), 1 / np.sqrt(3 * 2)
    expected = [[0, cosine_01, cosine_02], [cosine_01, 0, 0], [0, 0, 0]]
    assert model.weights.toarray() == pytest.approx(np.array(expected))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, l2=st.sampled_from([0.5, 10.0, 250.0]))
def test_ease_agrees_with_one_regression_an_item(seed, l2):
    """The closed form equals a ridge regression of each item on all the others."""
    train = random_train(seed)
    scores = EASE(l2=l2).fit(csr_array(train)).scores(np.arange(len(train)))
    assert scores == pytest.approx(slow_ease(train.astype(np.float64), l2), abs=1e-5)


def test_ease_has_a_zero_diagonal():
    """No item predicts itself."""
    assert not EASE(l2=1).fit(csr_array(random_train(4))).weights.diagonal().any()


def test_popularity_counts_users():
    """Scores are the numbers of interactions, the same for everyone, whatever the values."""
    train = csr_array(np.array([[5, 1, 0], [5, 0, 0]], dtype=np.float32))
    assert Popularity().fit(train).scores(np.array([1, 0])).tolist() == [[2, 1, 0], [2, 1, 0]]


@pytest.mark.parametrize("name", ["item-knn", "ease"])
def test_the_block_size_does_not_change_the_model(name, monkeypatch):
    """Co-occurrence worked out one item at a time gives the same scores."""
    train, users = csr_array(random_train(8)), np.arange(15)
    whole = make_baseline(name).fit(train).scores(users)
    monkeypatch.setattr(base, "_BLOCK_ENTRIES", 1)
    assert np.array_equal(make_baseline(name).fit(train).scores(users), whole)


def test_ease_refuses_more_memory_than_allowed():
    """The error says how much is needed and how much is allowed, before anything is allocated."""
    train = csr_array((np.ones(1, dtype=np.float32), ([0], [0])), shape=(1, 200_000))
    with pytest.raises(ConfigError, match=r"needs 596\.0 GiB; max_memory_gib allows 8\.0"):
        EASE().fit(train)


def test_unknown_baselines_and_options_are_refused():
    """Both are ConfigErrors that name what exists."""
    with pytest.raises(ConfigError, match="popularity, item-knn, ease"):
        make_baseline("svd")
    with pytest.raises(ConfigError, match="k"):
        make_baseline("item-knn", k=0)
