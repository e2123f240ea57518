"""The linear map of users: least squares from the mean of a history's items to the users that are served."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.fold_in import UserMap, fit_linear_user_map


def world(seed: int = 0, n_users: int = 300) -> tuple[csr_array, FloatArray, FloatArray]:
    """Histories, items, and the means of their directions, written out."""
    rng = np.random.default_rng(seed)
    histories = (rng.random((n_users, 30)) < 0.2).astype(np.float32)
    histories[:, 0] = 1
    items = rng.normal(size=(30, 5)).astype(np.float32)
    units = [item / np.linalg.norm(item) for item in items]
    means = [np.mean([units[item] for item in np.flatnonzero(row)], axis=0) for row in histories]
    return csr_array(histories), items, np.array(means, dtype=np.float32)


def cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """The cosine of each row to its like."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


def test_users_who_are_a_turned_mean_are_found_again() -> None:
    """Of planted users, new ones too get their vectors by the histories alone, at the length of the served ones."""
    histories, items, means = world()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0].astype(np.float32)
    users = means @ turn
    found = fit_linear_user_map(users[:200], items, histories[:200])
    vectors = found.vectors(histories[200:], items)
    assert vectors.dtype == np.float32
    assert cosines(vectors, users[200:]).min() > 0.95
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.median(np.linalg.norm(users[:200], axis=1)), rel=1e-4)
    assert cosines(means[200:], users[200:]).mean() < 0.6


def test_the_map_is_that_of_ridge_regression() -> None:
    """It is what a solver of the augmented least-squares problem finds."""
    histories, items, means = world()
    users = np.random.default_rng(2).normal(size=(300, 5)).astype(np.float32)
    strength = 0.1 * np.square(means).sum() / 5
    rows = np.vstack([means, np.sqrt(strength) * np.eye(5)])
    expected = np.linalg.lstsq(rows, np.vstack([users, np.zeros((5, 5))]), rcond=None)[0]
    assert fit_linear_user_map(users, items, histories).arrays()["weights"] == pytest.approx(expected, abs=1e-4)


def test_no_histories_give_a_map_too() -> None:
    """Without any interaction the map is zero, and a user without a history gets the items' mean direction."""
    _, items, _ = world()
    empty = csr_array((4, 30), dtype=np.float32)
    found = fit_linear_user_map(np.ones((4, 5), dtype=np.float32), items, empty)
    assert not found.arrays()["weights"].any()
    mean = np.mean([item / np.linalg.norm(item) for item in items], axis=0)
    assert cosines(found.vectors(empty, items), np.tile(mean, (4, 1))) == pytest.approx(1, abs=1e-5)


def test_it_is_stored_whole() -> None:
    """The parts give the map back; weights that are no square are refused, and so is a map without them."""
    histories, items, means = world()
    found = fit_linear_user_map(means, items, histories)
    again = UserMap.from_parts(found.document(), found.arrays())
    assert np.array_equal(again.vectors(histories, items), found.vectors(histories, items))
    with pytest.raises(ValueError, match=r"weights of shape \(4, 5\)"):
        UserMap.from_parts(found.document(), {"weights": found.arrays()["weights"][:4]})
    with pytest.raises(KeyError):
        UserMap.from_parts(found.document(), {})
