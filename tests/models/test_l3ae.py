"""L3AE against its slow version, and its limits."""

import numpy as np
import pytest
from oracles_baselines import slow_text_ridge
from scipy.sparse import csr_array

from llminit.errors import ConfigError, EmbeddingError
from llminit.models import LinearItemModel
from llminit.models.baselines.ease import EASE
from llminit.models.baselines.l3ae import L3AE


def weights(model: object) -> np.ndarray:
    """The dense weights of a fitted model."""
    assert isinstance(model, LinearItemModel)
    return np.asarray(model.weights)


def data() -> tuple[np.ndarray, np.ndarray]:
    """40 users, 12 items and their texts, of fewer dimensions than items and of more."""
    rng = np.random.default_rng(3)
    return (rng.random((40, 12)) < 0.3).astype(np.float32), rng.normal(size=(12, 5)).astype(np.float32) + 1


@pytest.mark.parametrize("l2", [-3.0, 0.0, 20.0])
@pytest.mark.parametrize("width", [5, 30])
def test_the_weights_are_those_of_a_regression_of_each_item(l2: float, width: int) -> None:
    """Each column solves its own regression with the text's weights as prior mean, and the diagonal is zero."""
    train, text = data()
    text = np.hstack([text] * 6)[:, :width] + np.random.default_rng(1).normal(size=(12, width)).astype(np.float32)
    found = weights(L3AE(text_weight=8, l2=l2, text_l2=0.7).fit(csr_array(train), text))
    assert found == pytest.approx(slow_text_ridge(train, text, 8, l2, 0.7), abs=2e-5)
    assert not found.diagonal().any()


def test_a_vanishing_text_weight_is_ease() -> None:
    """Without a pull to the text, only EASE's is left."""
    train, text = data()
    found = weights(L3AE(text_weight=1e-6, l2=5).fit(csr_array(train), text))
    assert found == pytest.approx(weights(EASE(l2=5).fit(csr_array(train))), abs=1e-5)


def test_an_item_without_text_has_no_prior() -> None:
    """A row of zeros gives finite weights, and does not move the texts' mean."""
    train, text = data()
    text[4] = 0
    found = weights(L3AE().fit(csr_array(train), text))
    assert np.isfinite(found).all()
    assert found.any()


def test_strengths_that_cannot_be_solved_are_refused() -> None:
    """A negative l2 as strong as the text's weight is an error that says so; so are missing texts."""
    with pytest.raises(ConfigError, match="add up to 0 or less"):
        L3AE.make(text_weight=50, l2=-50)
    with pytest.raises(EmbeddingError, match="expected"):
        L3AE().fit(csr_array(data()[0]), data()[1][1:])
