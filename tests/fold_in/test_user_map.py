"""Users from their histories."""

import numpy as np
import pytest
import scipy.sparse as sp

from llminit.fold_in import UserMap, fit_user_map

RNG = np.random.default_rng(0)
ITEMS = RNG.normal(size=(9, 4)).astype(np.float32)
HISTORIES = sp.csr_array((RNG.random((6, 9)) < 0.4).astype(np.float32))


def test_ridge_is_implicit_least_squares() -> None:
    """It minimises the weighted squares over all items and the regulariser, solved here with one row an item."""
    user_map = UserMap("ridge", 2.0, l2=0.7, unseen_weight=0.2)
    vectors = user_map.vectors(HISTORIES, ITEMS)
    for row, had in zip(vectors, HISTORIES.toarray() > 0, strict=True):
        if not had.any():
            continue
        weights = np.where(had, 1 + 0.2, 0.2)  # an item of the history weighs as an unseen one, and 1 more
        targets = np.where(had, 1 / (1 + 0.2), 0.0)
        wide = np.concatenate([np.sqrt(weights)[:, np.newaxis] * ITEMS, np.sqrt(0.7) * np.eye(4)])
        wanted = np.concatenate([np.sqrt(weights) * targets, np.zeros(4)])
        solved = np.linalg.lstsq(wide, wanted, rcond=None)[0]
        np.testing.assert_allclose(row, 2 * solved / np.linalg.norm(solved), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["mean", "ridge"])
def test_users_are_as_long_as_those_that_serve(kind: str) -> None:
    """Folded users have the median length of the model's, and one without a history too; maps come back whole."""
    users = RNG.normal(size=(11, 4)).astype(np.float32)
    user_map = fit_user_map(users, kind)  # type: ignore[arg-type]
    empty = sp.csr_array((2, 9), dtype=np.float32)
    for histories in (HISTORIES, empty):
        lengths = np.linalg.norm(user_map.vectors(histories, ITEMS), axis=1)
        np.testing.assert_allclose(lengths, np.median(np.linalg.norm(users, axis=1)), rtol=1e-5)
    assert UserMap.from_parts(user_map.document(), user_map.arrays()) == user_map or user_map.kind == kind


def test_mean_is_of_the_items_directions() -> None:
    """The mean of the items at length 1, on the users' length."""
    vectors = UserMap("mean", 1.5).vectors(HISTORIES, ITEMS)
    for row, had in zip(vectors, HISTORIES.toarray() > 0, strict=True):
        if had.any():
            mean = sum(item / np.linalg.norm(item) for item in ITEMS[had])
            np.testing.assert_allclose(row, 1.5 * mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-5)
