"""What a comparison's progress line guesses."""

from types import SimpleNamespace

import pytest

from llminit.comparison.execute import Job
from llminit.comparison.scoreboard import Scoreboard
from llminit.results import CellKey


def key(seed, init="xavier", model="lightgcn"):
    text = {} if init == "xavier" else {"encoder": "minilm"}
    return CellKey(model=model, init=init, embedding_size=8, seed=seed, **text)


def took(key, seconds):
    return SimpleNamespace(key=key, seconds={"fit": seconds, "evaluate": 0.0}, metrics={})


def test_time_left_is_that_of_such_cells():
    """Waiting cells take as long as the usual one of their model, whatever one slow run took; untrained ones apart."""
    finished = [took(key(0), 10), took(key(1), 12), took(key(2), 900), took(key(0, "variance/untrained"), 1)]
    waiting = [key(3), key(4), key(1, "variance/untrained")]
    board = Scoreboard({}, [Job(each, "") for each in waiting], 2, "recall@10")
    assert board.seconds_left() is None
    for cell in finished:
        board.finish(cell)
    assert board.seconds_left() == pytest.approx((12 + 12 + 1) / 2)
    board.finish(took(waiting[0], 12))
    assert board.seconds_left() == pytest.approx((12 + 1) / 2)
    board.fail(waiting[1])
    board.fail(waiting[2])
    assert board.seconds_left() == 0


def test_an_unknown_model_takes_the_mean_of_the_known():
    """Of a model that has not run yet nothing better can be said."""
    board = Scoreboard({}, [Job(key(0, model="sgl"), "")], 1, "recall@10")
    board.finish(took(key(0), 10))
    board.finish(took(key(0, model="sgcl"), 30))
    assert board.seconds_left() == pytest.approx(20)
