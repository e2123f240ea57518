"""`LLMInit`: `fit` in the manner of scikit-learn, and progress without asking for it."""

import logging
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import llminit
from llminit import LLMInit
from llminit.errors import ConfigError
from planted import SMALL, plant

WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())


@pytest.fixture(scope="module")
def model() -> LLMInit:
    return LLMInit(backbone="mf", **SMALL).fit(WORLD.interactions, WORLD.items, embeddings=PAIR)


def test_it_fits_as_the_function_does(model: LLMInit) -> None:
    """`LLMInit(...).fit(...)` gives the recommender that `llminit.fit` gives, and passes calls on to it."""
    expected = llminit.fit(WORLD.interactions, WORLD.items, embeddings=PAIR, backbone="mf", **SMALL)
    for name, values in expected.model.arrays().items():
        np.testing.assert_array_equal(model.recommender_.model.arrays()[name], values)
    assert_frame_equal(model.recommend([0, 7], k=3), expected.recommend([0, 7], k=3))
    assert_frame_equal(model.similar_items("i03", k=2), expected.similar_items("i03", k=2))
    new = pl.DataFrame({"user_id": [0], "item_id": [expected.recommend([0], k=1)["item_id"][0]]})
    assert model.evaluate(new) == expected.evaluate(new)


def test_parameters(model: LLMInit) -> None:
    """Parameters are read and set as scikit-learn does; a wrong one is an error at once."""
    assert model.get_params()["backbone"] == "mf"
    assert repr(LLMInit(backbone="sgcl")) == "LLMInit(backbone='sgcl')"
    assert LLMInit().set_params(init="variance").get_params()["init"] == "variance"
    wrong: list[dict[str, Any]] = [{"epochs": -1}, {"unknown": 1}]
    for options in wrong:
        with pytest.raises(ConfigError):
            LLMInit(**options)
        with pytest.raises(ConfigError):
            LLMInit().set_params(**options)


def test_not_fitted_yet() -> None:
    """Before `fit` there is nothing to ask."""
    with pytest.raises(ConfigError, match=r"not fitted.*call fit"):
        LLMInit().recommend()


def test_notes_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Away from a terminal and a notebook, what is worth knowing goes to the logger `llminit`."""
    caplog.set_level(logging.INFO, logger="llminit")
    llminit.fit(WORLD.interactions, WORLD.items, embeddings=PAIR, init="xavier", **SMALL)
    assert "init=xavier uses no text: embeddings was given and plays no part" in caplog.messages
