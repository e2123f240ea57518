"""Validation on a sample of users: always the same ones, and only where there are more."""

import numpy as np
import pytest

from llminit.arrays import FloatArray, IntArray
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.errors import ConfigError
from llminit.evaluation import mean_metric, ranks_under
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.validation import validation_metric
from planted import plant

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    world = plant()
    dataset = load_dataset(world.interactions, None, FitConfig())
    return HeldOut(dataset, split_interactions(dataset, FitConfig().splitting, 0))


def asked_users(held_out: HeldOut, config: FitConfig) -> tuple[list[int], float]:
    """Return the users whose scores were asked for, and the measured value."""
    users: list[int] = []
    scores = np.random.default_rng(0).random((held_out.dataset.n_users, held_out.dataset.n_items), dtype=np.float32)

    def scorer(codes: IntArray) -> FloatArray:
        users.extend(codes.tolist())
        return scores[codes]

    value = validation_metric(held_out, config)(scorer)
    expected = ranks_under(
        "standard", lambda codes: scores[codes], held_out.valid, held_out.seen_at_valid, users=np.asarray(users)
    )
    assert value == mean_metric(expected, config.valid_metric)
    return users, value


def test_all_users_by_default(held_out: HeldOut) -> None:
    """Without a number, and with one that is not reached, every user with a validation interaction is measured."""
    everyone = np.flatnonzero(np.diff(held_out.valid.indptr)).tolist()
    assert asked_users(held_out, FitConfig())[0] == everyone
    assert asked_users(held_out, FitConfig(valid_users=len(everyone)))[0] == everyone


def test_a_sample_is_the_same_for_every_measurement(held_out: HeldOut) -> None:
    """As many users as asked for, distinct, the same for one seed and others for another."""
    first = asked_users(held_out, FitConfig(valid_users=12, seed=3))
    assert first == asked_users(held_out, FitConfig(valid_users=12, seed=3))
    assert len(set(first[0])) == 12
    assert first[0] != asked_users(held_out, FitConfig(valid_users=12, seed=4))[0]


def test_no_users_is_refused() -> None:
    """Zero users measure nothing, and the message names the option."""
    with pytest.raises(ConfigError, match="valid_users=0"):
        FitConfig.make(valid_users=0)
