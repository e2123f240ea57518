"""Users of the `history` model from their history: exactly as the model makes its own."""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import llminit
from llminit import Recommender
from llminit.fold_in import HistoryMap
from llminit.models.serving import DotProduct
from planted import plant

WORLD = plant()


def fitted(**options: Any) -> Recommender:
    chosen: dict[str, Any] = {"embedding_size": 8, "epochs": 3, "init": "whiten", **options}
    return llminit.fit(WORLD.interactions, WORLD.items, embeddings=WORLD.embeddings, backbone="history", **chosen)


def map_of(recommender: Recommender) -> HistoryMap:
    assert recommender.fold_in is not None
    (found,) = recommender.fold_in.users
    assert isinstance(found, HistoryMap)
    return found


@pytest.mark.parametrize("weights", [None, [1.0], [1.0, 0.5], [0.7, 0.2, 0.4]])
def test_known_histories_give_the_vectors_that_serve(weights: list[float] | None) -> None:
    """For what a user was trained on, the map gives the user's own vector, whatever the hops that serve."""
    options = {} if weights is None else {"hop_weights": weights}
    recommender = fitted(backbone_options=options)
    assert isinstance(recommender.model, DotProduct)
    vectors = map_of(recommender).vectors(recommender.seen, recommender.model.items)
    np.testing.assert_allclose(vectors, recommender.model.users, rtol=1e-4, atol=1e-5)


def test_a_saved_map_is_the_same(tmp_path: Any) -> None:
    """Its kind is kept in the folder, and a history gets the same list before and after."""
    recommender = fitted(refit=False)
    recommender.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    histories = [["i03", "i17"], ["i21"], []]
    assert loaded.recommend_for_histories(histories, 5).equals(recommender.recommend_for_histories(histories, 5))
    np.testing.assert_array_equal(map_of(loaded).units, map_of(recommender).units)
    assert map_of(loaded).first == map_of(recommender).first


def test_a_cold_item_counts_by_its_direction() -> None:
    """However long the vector of an item that was folded in, who has it gets the same vector."""
    users = map_of(fitted())
    n_warm, size = users.units.shape
    cold = np.random.default_rng(0).normal(size=(1, size)).astype(np.float32)
    histories = csr_array(([1.0, 1.0, 1.0], [0, n_warm, n_warm], [0, 2, 3]), shape=(2, n_warm + 1), dtype=np.float32)
    made = [
        users.vectors(histories, np.concatenate([users.units, length * cold]).astype(np.float32)) for length in (1, 9)
    ]
    np.testing.assert_allclose(made[0], made[1], rtol=1e-5, atol=1e-6)
    unit = cold[0] / np.linalg.norm(cold[0])
    np.testing.assert_allclose(made[0][1], (1 + users.first) * unit, rtol=1e-5, atol=1e-6)
    both = users.units[0] + unit
    slow = both / np.linalg.norm(both) + (users.hops[0] + users.first * unit) / np.sqrt(2)
    np.testing.assert_allclose(made[0][0], slow, rtol=1e-5, atol=1e-6)


def test_who_has_nothing_gets_zeros() -> None:
    """An empty history is no error."""
    users = map_of(fitted(refit=False))
    empty = csr_array((2, len(users.units)), dtype=np.float32)
    assert not users.vectors(empty, users.units).any()
