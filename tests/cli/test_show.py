"""Progress where there is no terminal: a line now and then."""

import math
from collections.abc import Callable

import pytest

from llminit import reporters
from llminit.progress import rough_duration

PassTime = Callable[[float], None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Give a function that lets seconds pass."""
    now = [100.0]
    monkeypatch.setattr("llminit.reporters.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_a_resumed_task_guesses_from_its_own_pace(pass_time: PassTime, capsys: pytest.CaptureFixture[str]) -> None:
    """Steps that an earlier run has done say nothing of how long the others take."""
    with reporters.RichReporter().task("cells", 100, 90) as task:
        pass_time(21)
        task.advance(0, "waiting")
        pass_time(21)
        task.advance(2, "[running]")
    assert capsys.readouterr().err.splitlines() == [
        "cells: 90/100, waiting",
        "cells: 92/100, about 3 min left, [running]",
    ]


def test_a_better_guess_is_taken(pass_time: PassTime, capsys: pytest.CaptureFixture[str]) -> None:
    """Who does the work may know better than the pace how long it takes, and lines are not written more often."""
    with reporters.RichReporter().task("cells", 10) as task:
        pass_time(21)
        task.advance(1, "one", 7200)
        pass_time(5)
        task.advance(1, "two", 7000)
    assert capsys.readouterr().err.splitlines() == ["cells: 1/10, about 2.0 h left, one"]


def test_an_unknown_time_is_not_guessed_from_the_pace(pass_time: PassTime, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the work says that nothing is known of the time left, nothing is said of it."""
    with reporters.RichReporter().task("cells", 101) as task:
        pass_time(21)
        task.advance(1, "one", math.inf)
    assert capsys.readouterr().err.splitlines() == ["cells: 1/101, one"]


def test_a_download_of_unknown_length_has_no_end_to_guess(
    pass_time: PassTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a total nothing is said of the time left."""
    with reporters.RichReporter().task("download", 0, 5) as task:
        pass_time(21)
        task.advance(3)
    assert capsys.readouterr().err.splitlines() == ["download: 8/0"]


def test_rough_durations() -> None:
    """Seconds, minutes or hours, whichever a person would say."""
    assert [rough_duration(seconds) for seconds in (0.4, 89, 90, 5399, 5400)] == [
        "0 s",
        "89 s",
        "2 min",
        "90 min",
        "1.5 h",
    ]
