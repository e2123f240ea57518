"""The text-only baseline."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_baselines import slow_text_scores
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray
from llminit.errors import EmbeddingError
from llminit.models.baselines.text_only import TextOnly

TRAIN = csr_array(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=np.float32))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), centred=st.booleans(), n_layers=st.integers(0, 3))
def test_text_only_agrees_with_its_slow_version(seed: int, centred: bool, n_layers: int) -> None:
    """Scores are the cosines of averaged layers, with items that lack text or interactions, users that lack history."""
    rng = np.random.default_rng(seed)
    train = (rng.random((7, 6)) < 0.4) * rng.integers(1, 6, size=(7, 6))
    train[0, 0], train[3], train[:, 4] = 1, 0, 0
    text = rng.normal(0.5, 1, size=(6, 4)).astype(np.float32)
    text[2] = 0
    model = TextOnly(centred=centred, n_layers=n_layers).fit(csr_array(train), text)
    expected = slow_text_scores(train, text, centred=centred, n_layers=n_layers)
    assert model.scores(np.arange(7)) == pytest.approx(expected, abs=1e-4)


def test_items_with_similar_text_come_first() -> None:
    """With no layers and no centring, the item with the text of the user's history comes first."""
    text = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.95, 0.05]], dtype=np.float32)
    scores = TextOnly(centred=False, n_layers=0).fit(TRAIN, text).scores(np.array([0, 1]))
    assert scores[0].argmax() == 3
    assert scores[1].argmax() == 2


def test_centring_removes_a_common_vector() -> None:
    """Adding the same vector to every text changes no score; without centring it does."""
    rng = np.random.default_rng(2)
    text = rng.normal(size=(4, 3)).astype(np.float32)
    users = np.array([0, 1])

    def scores(rows: FloatArray, *, centred: bool) -> FloatArray:
        return TextOnly(centred=centred).fit(TRAIN, rows).scores(users)

    assert scores(text + 5, centred=True) == pytest.approx(scores(text, centred=True), abs=1e-4)
    assert scores(text + 5, centred=False) != pytest.approx(scores(text, centred=False), abs=0.1)


def test_items_without_text_are_no_part_of_the_mean() -> None:
    """A row of zeros is not centred, so that its cosine to every item is 0."""
    text = np.array([[3, 1], [3, 2], [3, 6], [0, 0]], dtype=np.float32)
    scores = TextOnly(n_layers=0).fit(TRAIN, text).scores(np.array([0]))
    assert scores[0, 3] == 0
    assert scores[0, :3] == pytest.approx([1, 1, -1], abs=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (np.ones((3, 2)), r"shape \(3, 2\), expected \(4, D\)"),
        (np.ones(4), r"shape \(4,\)"),
        (np.full((4, 2), np.inf), "NaN or infinite"),
        (np.zeros((4, 2)), "none of 4 items has text"),
    ],
)
def test_text_that_cannot_be_used_is_refused(text: AnyArray, says: str) -> None:
    """An EmbeddingError says what was found."""
    with pytest.raises(EmbeddingError, match=says):
        TextOnly().fit(TRAIN, text)
