"""The baselines against their slow versions, and their promises."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_baselines import (
    popular_without_history,
    slow_graph_filter,
    slow_ridge,
    slow_similarities,
    slow_walks,
)
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.errors import ConfigError
from llminit.models import BASELINES, Baseline, FittedBaseline, LinearItemModel, sparse
from llminit.models.baselines.ease import EASE
from llminit.models.baselines.edlae import EDLAE
from llminit.models.baselines.gf_cf import GFCF
from llminit.models.baselines.item_knn import ItemKNN
from llminit.models.baselines.popularity import Popularity
from llminit.models.baselines.rp3beta import RP3Beta
from llminit.testing import check_baseline


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_keeps_the_contract(name: str) -> None:
    """Each registered baseline passes `check_baseline`."""
    check_baseline(BASELINES[name])


def random_train(seed: int, n_users: int = 15, n_items: int = 9) -> FloatArray:
    """Draw a training matrix with at least one interaction."""
    train = (np.random.default_rng(seed).random((n_users, n_items)) < 0.3).astype(np.float32)
    train[0, 0] = 1
    return train


def weights_of(model: FittedBaseline) -> Any:
    """The weights of a baseline that is linear in a user's items, sparse or dense."""
    assert isinstance(model, LinearItemModel)
    return model.weights


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, k=st.integers(1, 9), shrink=st.sampled_from([0.0, 3.7]))
def test_item_knn_agrees_with_its_slow_version(seed: int, k: int, shrink: float) -> None:
    """Each item keeps its k largest similarities of all, at the right indices; scores add up the user's weights."""
    train = random_train(seed)
    model = ItemKNN(k=k, shrink=shrink).fit(csr_array(train))
    weights, similarities = weights_of(model).toarray(), slow_similarities(train, shrink)
    assert weights[weights > 0] == pytest.approx(similarities[weights > 0])
    # Which of several equal similarities is kept may depend on the last bit, so the kept values are compared.
    assert np.sort(weights, axis=0)[-k:] == pytest.approx(np.sort(similarities, axis=0)[-k:])
    assert ((weights > 0).sum(axis=0) <= k).all()
    assert model.scores(np.arange(len(train))) == pytest.approx(popular_without_history(train @ weights, train))


def test_item_knn_keeps_the_nearest_neighbours_only() -> None:
    """With k=1 an item's score depends only on the most similar other item."""
    train = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], dtype=np.float32)
    model = ItemKNN(k=1, shrink=0).fit(csr_array(train))
    cosine_01, cosine_02 = 2 / np.sqrt(3 * 2), 1 / np.sqrt(3 * 2)
    expected = [[0, cosine_01, cosine_02], [cosine_01, 0, 0], [0, 0, 0]]
    assert weights_of(model).toarray() == pytest.approx(np.array(expected))


def test_of_equal_neighbours_the_lower_codes_are_kept() -> None:
    """If all items are equally similar, an item with k=1 keeps the first other one."""
    model = ItemKNN(k=1).fit(csr_array(np.ones((3, 3), dtype=np.float32)))
    assert weights_of(model).toarray().argmax(axis=0).tolist() == [1, 0, 0]


@settings(max_examples=20, deadline=None)
@given(seed=seeds, l2=st.sampled_from([0.5, 10.0, 250.0]))
def test_ease_agrees_with_a_regression_per_item(seed: int, l2: float) -> None:
    """The closed form equals a ridge regression of each item on all the others."""
    train = random_train(seed)
    scores = EASE(l2=l2).fit(csr_array(train)).scores(np.arange(len(train)))
    expected = train @ slow_ridge(train.astype(np.float64), np.full(9, l2))
    assert scores == pytest.approx(popular_without_history(expected, train), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, dropout=st.sampled_from([0.1, 0.5, 0.9]), l2=st.sampled_from([0.5, 10.0]))
def test_edlae_agrees_with_a_regression_per_item(seed: int, dropout: float, l2: float) -> None:
    """The closed form equals ridge regressions whose penalty grows with an input's squared length; values count."""
    train = random_train(seed) * 2.0
    penalty = l2 + dropout / (1 - dropout) * (train**2).sum(axis=0)
    weights = weights_of(EDLAE(dropout=dropout, l2=l2).fit(csr_array(train)))
    assert weights == pytest.approx(slow_ridge(train, penalty), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=seeds, l2=st.sampled_from([0.5, 10.0]))
def test_edlae_without_dropout_is_ease(seed: int, l2: float) -> None:
    """With p = 0 the two have the same weights, to the last bit."""
    train = csr_array(random_train(seed))
    assert np.array_equal(weights_of(EDLAE(dropout=0, l2=l2).fit(train)), weights_of(EASE(l2=l2).fit(train)))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, alpha=st.sampled_from([0.4, 1.0]), beta=st.sampled_from([0.0, 0.6]))
def test_rp3beta_agrees_with_its_slow_version(seed: int, alpha: float, beta: float) -> None:
    """With room for all items, weights are the probabilities of the walks; an interaction's value does not matter."""
    train = random_train(seed)
    model = RP3Beta(alpha=alpha, beta=beta).fit(csr_array(train * 3))
    walks = slow_walks(train, alpha, beta)
    assert weights_of(model).toarray() == pytest.approx(walks, rel=1e-5)


def test_rp3beta_with_beta_zero_is_p3alpha() -> None:
    """Without beta and with alpha = 1 a row is a walk's distribution: with the way back, it adds up to one."""
    train = random_train(6)
    weights = weights_of(RP3Beta(alpha=1, beta=0).fit(csr_array(train))).toarray()
    to_users = (train / np.maximum(train.sum(axis=0), 1)).T
    to_items = train / np.maximum(train.sum(axis=1, keepdims=True), 1)
    walks = to_users @ to_items
    assert walks.sum(axis=1) == pytest.approx(1)
    assert weights + np.diag(walks.diagonal()) == pytest.approx(walks)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, k=st.integers(1, 8))
def test_rp3beta_keeps_the_largest_weights(seed: int, k: int) -> None:
    """Each item keeps its k largest weights; normalised, they keep their ratios and add up to 1."""
    train = random_train(seed)
    kept = weights_of(RP3Beta(alpha=0.7, beta=0.2, k=k).fit(csr_array(train))).toarray()
    walks = slow_walks(train, 0.7, 0.2)
    assert np.sort(kept, axis=1) == pytest.approx(np.where(np.arange(9) < 9 - k, 0, np.sort(walks, axis=1)))
    normalized = weights_of(RP3Beta(alpha=0.7, beta=0.2, k=k, normalize=True).fit(csr_array(train))).toarray()
    sums = kept.sum(axis=1, keepdims=True)
    assert normalized == pytest.approx(kept / np.where(sums > 0, sums, 1))


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_the_linear_part_of_gf_cf_agrees_with_its_slow_version(seed: int) -> None:
    """Without the ideal filter, scores are the interactions times R~'R~, whatever their values."""
    train = random_train(seed)
    scores = GFCF(alpha=0).fit(csr_array(train * 4)).scores(np.arange(len(train)))
    expected = slow_graph_filter(train, 1, 0.0)
    assert scores == pytest.approx(popular_without_history(expected, train), abs=1e-5)


@pytest.mark.parametrize("shape", [(15, 9), (9, 15)])
@pytest.mark.parametrize("k", [1, 4, 8, 9, 256])
def test_gf_cf_agrees_with_its_slow_version(shape: tuple[int, int], k: int) -> None:
    """Both filters together equal the paper's dense formula, also with all singular vectors."""
    train = random_train(3, *shape)
    train[:, 5] = 0
    scores = GFCF(k=k, alpha=0.7).fit(csr_array(train)).scores(np.arange(len(train)))
    expected = slow_graph_filter(train, min(k, 9), 0.7)
    assert scores == pytest.approx(popular_without_history(expected, train), abs=1e-5)


def test_the_seed_of_gf_cf_does_not_change_its_result() -> None:
    """The singular vectors are those of the data, whatever the start of the sparse SVD."""
    train, users = csr_array(random_train(5, 60, 30)), np.arange(60)
    one, other = (GFCF(k=5, seed=seed).fit(train).scores(users) for seed in (0, 1))
    assert one == pytest.approx(other, abs=1e-5)


def test_zero_singular_values_do_not_change_gf_cf() -> None:
    """If k exceeds the rank of the data, the additional singular vectors change no score."""
    train, users = csr_array(np.kron(np.eye(4), np.ones((5, 3))).astype(np.float32)), np.arange(20)
    all_four, one, other = (GFCF(k=k, seed=seed).fit(train).scores(users) for k, seed in ((4, 0), (9, 0), (9, 1)))
    assert one == pytest.approx(all_four, abs=1e-5)
    assert other == pytest.approx(all_four, abs=1e-5)
    assert all_four[train.toarray() == 0] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", ["item-knn", "ease", "edlae", "rp3beta"])
def test_no_item_recommends_itself(name: str) -> None:
    """The weights' diagonal is zero."""
    weights = weights_of(BASELINES[name].make().fit(csr_array(random_train(4))))
    assert not weights.diagonal().any()
    assert weights.sum() > 0


def test_popularity_counts_users() -> None:
    """Scores are the numbers of interactions, the same for every user, whatever the values."""
    train = csr_array(np.array([[5, 1, 0], [5, 0, 0]], dtype=np.float32))
    assert Popularity().fit(train).scores(np.array([1, 0])).tolist() == [[2, 1, 0], [2, 1, 0]]


@pytest.mark.parametrize("name", ["item-knn", "ease", "edlae", "rp3beta"])
def test_the_block_size_does_not_change_the_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products computed one item at a time give the same scores."""
    train, users = csr_array(random_train(8)), np.arange(15)
    whole = BASELINES[name].make().fit(train).scores(users)
    monkeypatch.setattr(sparse, "_BLOCK_ENTRIES", 1)
    assert np.array_equal(BASELINES[name].make().fit(train).scores(users), whole)


@pytest.mark.parametrize("kind", [EASE, EDLAE])
def test_more_memory_than_allowed_is_refused(kind: type[Baseline]) -> None:
    """The error names the model, the memory needed and the memory allowed, before anything is allocated."""
    train = csr_array((np.ones(1, dtype=np.float32), ([0], [0])), shape=(1, 200_000))
    with pytest.raises(ConfigError, match=rf"{kind.__name__} .*needs 596\.0 GiB; max_memory_gib allows 8\.0"):
        kind().fit(train)


@pytest.mark.parametrize("name", ["item-knn", "rp3beta", "gf-cf"])
def test_a_wide_catalogue_needs_no_dense_matrix(name: str) -> None:
    """Sparse baselines fit 200,000 items, whose dense matrix would take 149 GiB, and score a user."""
    train = csr_array((np.ones(3, dtype=np.float32), ([0, 0, 1], [0, 199_999, 0])), shape=(2, 200_000))
    options = {"k": 1} if name == "gf-cf" else {}
    scores = BASELINES[name].make(**options).fit(train).scores(np.array([1]))
    assert scores.shape == (1, 200_000)
    assert scores[0, 199_999] > 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("item-knn", {"k": 0}),
        ("ease", {"l2": 0}),
        ("edlae", {"dropout": 1}),
        ("edlae", {"l2": -1}),
        ("rp3beta", {"alpha": -0.1}),
        ("rp3beta", {"beta": float("nan")}),
        ("gf-cf", {"k": 0}),
        ("text-only", {"n_layers": -1}),
    ],
)
def test_options_that_cannot_be_used_are_refused(name: str, options: dict[str, float]) -> None:
    """A ConfigError names the option."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        BASELINES[name].make(**options)


def test_unknown_baselines_are_refused() -> None:
    """A ConfigError names those that exist."""
    with pytest.raises(
        ConfigError,
        match="deql, ease, edlae, gf-cf, ials, item-knn, l3ae, l3ae-windows, popularity, rp3beta, text-only",
    ):
        BASELINES["svd"].make()
