"""The progress line of a comparison and its estimate of the time left."""

from collections.abc import Callable, Sequence
from math import inf
from types import SimpleNamespace
from typing import cast

import pytest

from llminit.comparison.execute import Job
from llminit.comparison.scoreboard import Scoreboard
from llminit.results import Cell, CellKey
from llminit.results.shown_metrics import shown_metrics

PassTime = Callable[[float], None]


def key(seed: int, init: str = "xavier", model: str = "lightgcn") -> CellKey:
    text = {} if init == "xavier" else {"encoder": "minilm"}
    return CellKey(model=model, init=init, embedding_size=8, seed=seed, **text)


def took(key: CellKey, seconds: float, **metrics: float) -> Cell:
    measured = {name.replace("_at_", "@"): value for name, value in metrics.items()}
    parts = {"fit": seconds, "evaluate": 0.0}
    return cast("Cell", SimpleNamespace(key=key, seconds=parts, metrics={"standard": measured}, best_epoch=None))


def board_of(
    finished: Sequence[Cell], waiting: Sequence[CellKey], n_workers: int = 1, metric: str = "recall@10"
) -> Scoreboard:
    return Scoreboard({cell.key.name: cell for cell in finished}, [Job(key, "") for key in waiting], n_workers, metric)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Give a function that lets seconds pass."""
    now = [100.0]
    monkeypatch.setattr("llminit.comparison.scoreboard.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_time_left_comes_from_cells_of_the_same_kind() -> None:
    """Waiting cells are estimated by the median of their model, untrained ones apart; a slow run has no effect."""
    finished = [took(key(0), 10), took(key(1), 12), took(key(2), 900), took(key(0, "variance/untrained"), 1)]
    waiting = [key(3), key(4), key(1, "variance/untrained")]
    board = board_of([], waiting, 2)
    for cell in finished:
        board.finish(cell)
    assert board.seconds_left() == pytest.approx((12 + 12 + 1) / 2)
    board.finish(took(waiting[0], 12))
    assert board.seconds_left() == pytest.approx((12 + 1) / 2)
    board.fail(waiting[1])
    board.fail(waiting[2])
    assert board.seconds_left() == 0


def test_no_estimate_while_a_waiting_kind_is_unknown() -> None:
    """A finished cell gives no estimate for another model, nor a trained one for an untrained one."""
    waiting = [key(0), key(1), key(0, "variance/untrained")]
    board = board_of([], waiting)
    assert board.seconds_left() == inf
    board.finish(took(CellKey(model="popularity"), 0.6))
    assert board.seconds_left() == inf
    board.finish(took(waiting[0], 600))
    assert board.seconds_left() == inf
    board.finish(took(waiting[2], 5))
    assert board.seconds_left() == pytest.approx(600)


def test_untrained_cells_of_all_models_are_one_kind() -> None:
    """A first untrained cell of a slow model does not make the time left unknown."""
    board = board_of([took(key(0), 600), took(key(0, "variance/untrained"), 5)], [key(0, "variance/untrained", "mf")])
    assert board.seconds_left() == pytest.approx(5)


def test_no_time_is_left_without_waiting_cells() -> None:
    """Where all is done the time left is 0, whether or not a cell was ever finished."""
    assert board_of([], []).seconds_left() == board_of([took(key(0), 10)], []).seconds_left() == 0


@pytest.mark.parametrize(("n_workers", "expected"), [(1, 20), (2, 10), (8, 10)])
def test_no_more_workers_than_cells_share_the_work(n_workers: int, expected: float) -> None:
    """Workers without a cell make the last cells no faster."""
    assert board_of([took(key(0), 10)], [key(1), key(2)], n_workers).seconds_left() == pytest.approx(expected)


def test_time_that_cells_at_work_have_taken_is_not_left(pass_time: PassTime) -> None:
    """The time that a running cell has taken is subtracted, to no less than 0, until it ends."""
    board = board_of([took(key(0), 100)], [key(1), key(2)])
    pass_time(30)
    assert board.seconds_left() == pytest.approx(200)
    board.progress(key(1), "epoch 1")
    pass_time(30)
    board.progress(key(1), "epoch 2")
    assert board.seconds_left() == pytest.approx(170)
    pass_time(300)
    assert board.seconds_left() == pytest.approx(100)
    board.fail(key(1))
    assert board.seconds_left() == pytest.approx(100)


def test_what_is_shown_was_measured() -> None:
    """Where lists of 10 were not measured, a cell's line and the best so far are of the shortest lists that were."""
    cells = [
        took(key(0), 60, recall_at_20=0.25, ndcg_at_20=0.125, recall_at_50=0.5, ndcg_at_50=0.25),
        took(key(0, model="mf"), 60, recall_at_20=0.5, ndcg_at_20=0.0625, recall_at_50=0.5, ndcg_at_50=0.25),
    ]
    board = board_of(cells, [], metric="ndcg@10")
    assert board.line(cells[0]) == f"{cells[0].key.name}: recall@20 0.2500, ndcg@20 0.1250, 60 s"
    assert board.status() == "best so far lightgcn + xavier 0.1250 ndcg@20"
    assert board_of(cells, [], metric="recall@20").status() == "best so far mf + xavier 0.5000 recall@20"
    assert board_of([], []).status() == ""


def test_which_metrics_are_shown() -> None:
    """Lists of 10 where they were measured, else the shortest."""
    assert shown_metrics([20, 10, 5]) == ("recall@10", "ndcg@10")
    assert shown_metrics((50, 20)) == ("recall@20", "ndcg@20")
    assert shown_metrics([]) == ("recall@10", "ndcg@10")
