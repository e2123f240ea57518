"""Windows against a loop, and the models that learn from them."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracles_baselines import slow_text_ridge
from scipy.sparse import csr_array

from llminit.errors import InputError
from llminit.models.baselines.ease import EASE
from llminit.models.baselines.l3ae import L3AE
from llminit.models.baselines.l3ae_windows import L3AEWindows
from llminit.models.windows import windows_of

N_ITEMS = 9
HISTORIES = st.lists(st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=N_ITEMS), min_size=1, max_size=6)


def in_order(histories: list[list[int]]) -> csr_array:
    """The places of items in histories that are given in time."""
    places = np.zeros((len(histories), N_ITEMS), dtype=np.int32)
    for user, history in enumerate(histories):
        places[user, history] = np.arange(1, len(history) + 1)
    return csr_array(places)


@example(histories=[[1, 2, 3]], length=5)
@given(histories=HISTORIES, length=st.integers(1, 5))
def test_every_stretch_is_a_window(histories: list[list[int]], length: int) -> None:
    """The windows are those that a loop finds, each user's in turn; short histories have none."""
    expected = [history[at : at + length] for history in histories for at in range(len(history) - length + 1)]
    found = windows_of(in_order(histories), length)
    assert found.shape == (len(expected), N_ITEMS)
    assert [set(np.flatnonzero(row)) for row in found.toarray()] == [set(window) for window in expected]
    assert found.sum() == length * len(expected)


def sample() -> tuple[list[list[int]], csr_array, csr_array, np.ndarray]:
    rng = np.random.default_rng(5)
    histories = [list(rng.permutation(N_ITEMS)[: rng.integers(1, 7)]) for _ in range(30)]
    order = in_order(histories)
    train = csr_array((order.toarray() > 0).astype(np.float32))
    return histories, train, order, rng.normal(size=(N_ITEMS, 5)).astype(np.float32)


def weights(model: object) -> np.ndarray:
    return np.asarray(model.weights)  # type: ignore[attr-defined]


def test_the_weights_are_those_of_histories_and_windows() -> None:
    """They are L3AE's of a matrix that has the windows below the histories, and scores are those of the histories."""
    histories, train, order, text = sample()
    windows = np.zeros((0, N_ITEMS))
    for history in histories:
        for at in range(len(history) - 1):
            windows = np.vstack([windows, np.isin(np.arange(N_ITEMS), history[at : at + 2])])
    options = {"text_weight": 8.0, "l2": 2.0, "text_l2": 0.7}
    fitted = L3AEWindows(**options, window=2, window_weight=0.3).fit(train, text, order)
    rows = np.vstack([train.toarray(), np.sqrt(0.3) * windows]).astype(np.float32)
    assert weights(fitted) == pytest.approx(slow_text_ridge(rows, text, 8, 2, 0.7), abs=2e-5)
    assert fitted.scores(np.arange(30)) == pytest.approx(train.toarray() @ weights(fitted), abs=1e-5)


def test_without_an_order_or_a_weight_it_is_l3ae() -> None:
    """What is not known, and what counts nothing, changes nothing."""
    _, train, order, text = sample()
    plain = weights(L3AE().fit(train, text))
    np.testing.assert_array_equal(weights(L3AEWindows().fit(train, text)), plain)
    np.testing.assert_array_equal(weights(L3AEWindows(window_weight=0).fit(train, text, order)), plain)
    assert np.abs(weights(L3AEWindows().fit(train, text, order)) - plain).max() > 1e-3
    np.testing.assert_array_equal(weights(EASE().fit(train, order=order)), weights(EASE().fit(train)))


def test_what_followed_each_other_belongs_together() -> None:
    """Of items that were had by the same users, those that were had in succession weigh more in each other."""
    halves = [[0, 1, 2, 3, 4, 5], [5, 3, 4, 2, 0, 1], [1, 2, 0, 4, 5, 3], [4, 3, 5, 1, 0, 2]] * 10
    order = in_order(halves)
    train = csr_array((order.toarray() > 0).astype(np.float32))
    text = np.ones((N_ITEMS, 3), dtype=np.float32) + np.eye(N_ITEMS, 3, dtype=np.float32)
    found = weights(L3AEWindows(window_weight=2).fit(train, text, order))
    within, across = found[np.ix_([0, 1, 2], [0, 1, 2])], found[np.ix_([0, 1, 2], [3, 4, 5])]
    assert within.sum() / 6 > 1.2 * across.mean()


def test_an_order_of_other_interactions_is_refused() -> None:
    """One with other entries or of another shape is an error that says what was expected."""
    _, train, order, text = sample()
    for other in (order[:10], csr_array(np.roll(order.toarray(), 1, axis=1))):
        with pytest.raises(InputError, match=f"expected a place for each of the {train.nnz} interactions"):
            L3AEWindows().fit(train, text, other)
