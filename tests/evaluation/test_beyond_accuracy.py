"""Measures beyond accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_groups import slow_beyond_accuracy, slow_diversity

from llminit.arrays import AnyArray, IntArray
from llminit.errors import EmbeddingError, InputError
from llminit.evaluation import beyond_accuracy
from llminit.evaluation.beyond_accuracy import measure_lists


def make_lists(rng: np.random.Generator, n_lists: int, k: int, n_items: int) -> tuple[list[list[int]], IntArray]:
    """Lists of distinct items, some shorter than k, padded with -1 as top_k pads them."""
    lists = [rng.permutation(n_items)[: rng.integers(0, min(k, n_items) + 1)].tolist() for _ in range(n_lists)]
    lists[0] = lists[0] or [0]
    return lists, np.array([items + [-1] * (k - len(items)) for items in lists])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_lists=st.integers(1, 8), k=st.integers(1, 6), n_items=st.integers(1, 9))
def test_all_measures_agree_with_a_walk_over_lists(seed: int, n_lists: int, k: int, n_items: int) -> None:
    """Each measure equals its slow version, with lists that are short or empty and texts that are equal or missing."""
    rng = np.random.default_rng(seed)
    lists, array = make_lists(rng, n_lists, k, n_items)
    popularity = rng.integers(0, 6, size=n_items)
    popularity[rng.integers(n_items)] = 3
    text = rng.choice([-1.0, 0.0, 2.0], (n_items, 3)).astype(np.float32)
    found = measure_lists(array, popularity, n_items, text)
    expected = slow_beyond_accuracy(lists, popularity, n_lists)
    if any(len(items) > 1 for items in lists):
        expected["diversity"] = slow_diversity(lists, text.astype(np.float64))
    assert found == pytest.approx(expected, abs=1e-5)


def test_blocks_do_not_change_diversity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are measured in blocks of bounded memory, with the same result."""
    rng = np.random.default_rng(0)
    _, array = make_lists(rng, 50, 5, 20)
    text = rng.normal(size=(20, 4)).astype(np.float32)
    whole = measure_lists(array, np.ones(20, dtype=int), 20, text)
    monkeypatch.setattr(beyond_accuracy, "_BLOCK_BYTES", 4 * 4 * 7)
    assert measure_lists(array, np.ones(20, dtype=int), 20, text) == pytest.approx(whole)


def test_one_list_for_all_against_every_item_once() -> None:
    """One list for all users covers k of n items, with the largest gini; every item once covers all, with gini 0."""
    popularity = np.arange(1, 9)
    same = measure_lists(np.tile([6, 7], (4, 1)), popularity, 8)
    even = measure_lists(np.arange(8).reshape(4, 2), popularity, 8)
    assert (same["coverage"], even["coverage"]) == (0.25, 1)
    assert same["gini"] == pytest.approx(1 - 2 / 8)
    assert even["gini"] == pytest.approx(0)
    assert same["popularity_bias"] > even["popularity_bias"]
    assert same["novelty"] < even["novelty"]


def test_training_interactions_have_a_popularity_bias_of_one() -> None:
    """Lists that repeat the training interactions are as popular as these."""
    lists = np.array([[0], [0], [0], [1], [1], [2]])
    assert measure_lists(lists, np.array([3, 2, 1]), 3)["popularity_bias"] == pytest.approx(1)


def test_novelty_counts_bits_of_the_training_users() -> None:
    """An item that half of the users have counts 1 bit; one without users counts as if it had one user."""
    lists = np.array([[0]])
    assert measure_lists(lists, np.array([8, 1]), 2, n_users=16)["novelty"] == pytest.approx(1)
    assert measure_lists(np.array([[1]]), np.array([8, 0]), 2, n_users=16)["novelty"] == pytest.approx(4)


def test_diversity_ignores_the_encoders_common_mean() -> None:
    """Adding one vector to all texts changes nothing, and equal texts have no diversity."""
    rng = np.random.default_rng(3)
    text = rng.normal(size=(6, 4)).astype(np.float32)
    text[1] = text[0]
    popularity, lists = np.ones(6, dtype=int), np.array([[0, 1, 2], [3, 4, 5]])
    plain = measure_lists(lists, popularity, 6, text)["diversity"]
    assert measure_lists(lists, popularity, 6, text + 50)["diversity"] == pytest.approx(plain, abs=1e-4)
    assert measure_lists(np.array([[0, 1]]), popularity, 6, text)["diversity"] == pytest.approx(0, abs=1e-6)


def test_items_without_text_are_unlike_all_others() -> None:
    """A row of zeros is at distance 1 from every item, also from another such item, and does not change the others."""
    text = np.array([[5, 1], [5, -1], [0, 0], [0, 0]], dtype=np.float32)
    popularity = np.ones(4, dtype=int)
    for pair, distance in (((0, 2), 1), ((2, 3), 1), ((0, 1), 2)):
        assert measure_lists(np.array([pair]), popularity, 4, text)["diversity"] == pytest.approx(distance)


def test_diversity_needs_text_and_two_items() -> None:
    """Without text, or with lists of one item, only diversity is left out."""
    popularity = np.array([1, 2])
    assert "diversity" not in measure_lists(np.array([[0, 1]]), popularity, 2)
    assert "diversity" not in measure_lists(np.array([[0, -1], [1, -1]]), popularity, 2, np.eye(2, dtype=np.float32))


@pytest.mark.parametrize(
    ("message", "lists", "popularity", "text"),
    [
        ("float64 of shape", np.array([[0.0]]), [1, 1], None),
        ("shape \\(1,\\)", np.array([0]), [1, 1], None),
        ("from -2 to 0", np.array([[-2, 0]]), [1, 1], None),
        ("from 2 to 2", np.array([[2]]), [1, 1], None),
        ("all lists are empty", np.array([[-1]]), [1, 1], None),
        ("all lists are empty", np.empty((0, 3), dtype=int), [1, 1], None),
        ("popularity has shape", np.array([[0]]), [1, 1, 1], None),
        ("adds up to 0", np.array([[0]]), [0, 0], None),
        ("text embeddings of shape", np.array([[0, 1]]), [1, 1], np.ones((3, 2))),
        ("finite numbers", np.array([[0, 1]]), [1, 1], np.array([[1.0], [np.nan]])),
    ],
)
def test_invalid_lists_are_refused(message: str, lists: AnyArray, popularity: list[int], text: AnyArray | None) -> None:
    """Each kind of wrong input is an error that names it; wrong texts are EmbeddingErrors."""
    with pytest.raises(EmbeddingError if text is not None else InputError, match=message):
        measure_lists(lists, np.array(popularity), 2, text)
