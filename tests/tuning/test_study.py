"""A search on disk: what is kept, what is run again, and what is refused."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llminit.errors import ArtefactError, ConfigError, StorageError
from llminit.locks import exclusive_lock
from llminit.tuning import study as studies
from llminit.tuning.outcome import Outcome
from llminit.tuning.runner import TrialRunner
from llminit.tuning.study import Attempt, Search
from noted import Noted
from planted import World, everything_under
from searching import Tune, values_of


class Killed(BaseException):
    """Ends a search as a kill would: nothing more is written."""


def kill_at(monkeypatch: pytest.MonkeyPatch, position: int, epoch: int) -> None:
    """Kill the search once, when a trial has reported an epoch."""
    right = Search.after_epoch

    def after_epoch(self: Search, attempt: Attempt, number: int, value: float) -> Any:
        word = right(self, attempt, number, value)
        if (attempt.position, number) == (position, epoch):
            monkeypatch.setattr(Search, "after_epoch", right)
            raise Killed
        return word

    monkeypatch.setattr(Search, "after_epoch", after_epoch)


@pytest.mark.parametrize(("position", "epoch"), [(0, 1), (6, 2), (9, 1)])
def test_a_killed_search_ends_as_an_undisturbed_one(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, position: int, epoch: int
) -> None:
    """Killed within a preset, a random trial or one that TPE chose, all trials come out as without the kill."""
    expected = tune(trials=11)
    written = (tmp_path / "best.toml").read_bytes()
    kill_at(monkeypatch, position, epoch)
    with pytest.raises(Killed):
        tune(trials=11, out=tmp_path / "killed.toml")
    assert not (tmp_path / "killed.toml").exists()
    reporter = Noted()
    found = tune(trials=11, out=tmp_path / "killed.toml", reporter=reporter)
    assert values_of(found) == values_of(expected)
    assert (tmp_path / "killed.toml").read_bytes() == written
    there = f"; {position} of them are there already" if position else ""
    assert reporter.messages[0].startswith(f"searching with 11 trials on the split of seed 0{there}; tried")


def test_settled_trials_are_not_run_again(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same call again runs nothing and gives the same; with more trials it goes on as one call with as many."""
    first = tune(trials=6)
    expected = tune(trials=9, out=None)
    ran: list[Any] = []
    right = TrialRunner.run

    def run(self: TrialRunner, *arguments: Any) -> Outcome:
        ran.append(arguments[0])
        return right(self, *arguments)

    monkeypatch.setattr(TrialRunner, "run", run)
    assert values_of(tune(trials=6)) == values_of(first)
    assert not ran
    assert values_of(tune(trials=9)) == values_of(expected)
    assert len(ran) == 3
    # A smaller budget changes nothing either.
    assert values_of(tune(trials=2)) == values_of(expected)


def test_failures_count_as_settled(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that failed because of its options is not run again, and keeps its reason."""
    options: dict[str, Any] = {"backbones": "ease,softmax", "embedding_size": 99, "init": "whiten", "trials": 3}
    first = tune(**options)
    monkeypatch.setattr(TrialRunner, "run", lambda *_: pytest.fail("it was run again"))
    assert values_of(tune(**options)) == values_of(first)
    assert [bool(trial.error) for trial in tune(**options).trials] == [True, True, False]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def add_half_a_line(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'{"op_code":5,"worker_')


@pytest.mark.parametrize("damage", [cut, add_half_a_line])
def test_a_line_that_a_kill_has_cut(tune: Tune, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """The end of the file may be cut anywhere: what was written before counts, the rest is done again."""
    expected = tune()
    (tmp_path / "best.toml").unlink()  # That it was written is known before it is.
    damage(tmp_path / "best.study.jsonl")
    assert values_of(tune()) == values_of(expected)
    assert values_of(tune(trials=7)) == values_of(tune(trials=7, out=None))


def change_a_value(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line.get("values"):
            line["values"] = [line["values"][0] / 2]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def change_an_option(path: Path) -> None:
    path.write_text(path.read_text().replace('"init":"canonical"', '"init":"pca"'))


def drop_a_line(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + lines[3:]))


def spoil_the_middle(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:300] + b"\x00\xff" + content[302:])


@pytest.mark.parametrize("damage", [change_a_value, change_an_option, drop_a_line, spoil_the_middle])
def test_damage_is_noticed(tune: Tune, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A search whose file was changed is refused by its path, with what to do; overwrite begins anew."""
    expected = tune()
    damage(tmp_path / "best.study.jsonl")
    with pytest.raises((ArtefactError, ConfigError), match=r"best\.study\.jsonl .*pass overwrite to search anew"):
        tune()
    assert values_of(tune(overwrite=True)) == values_of(expected)


def test_another_search_is_refused(tune: Tune, world: World, tmp_path: Path) -> None:
    """One of other data, texts, options or another space is refused with what differs, and stays as it was."""
    tune()
    before = everything_under(tmp_path)
    ids, vectors = world.embeddings["item_id"], world.embeddings["embedding"].to_numpy()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"interactions": world.interactions.head(470)}, "of other interactions"),
        ({"embeddings": (ids, vectors * 2)}, "of other texts"),
        ({"seed": 1}, "with other options: seed was 0 and is now 1"),
        (
            {"epochs": 5, "backbones": "softmax"},
            r"with other options: backbones was \[.*\] and is now \['softmax'\]; epochs was 4",
        ),
    ]
    for options, says in cases:
        with pytest.raises(ConfigError, match=rf"best\.study\.jsonl holds a search {says}.*pass overwrite"):
            tune(**options)
    assert everything_under(tmp_path) == before


def test_another_space_is_refused(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search over the space of another version is not continued."""
    tune()
    monkeypatch.setattr("llminit.tuning.space.SELECTIONS", ("whiten",))
    with pytest.raises(ConfigError, match="over another search space"):
        tune()


def test_what_is_not_ours_is_not_replaced(tune: Tune, tmp_path: Path) -> None:
    """A file that this search has not written, or that was changed since, is kept unless overwrite is passed."""
    out = tmp_path / "best.toml"
    out.write_text("precious")
    with pytest.raises(ConfigError, match=r"best\.toml exists and no search is beside it"):
        tune()
    assert everything_under(tmp_path) == {"best.toml": b"precious"}
    found = tune(overwrite=True)
    assert out.read_text() == found.toml()
    out.write_text(found.toml().replace("epochs = 4", "epochs = 40"))
    with pytest.raises(ConfigError, match="was changed since"):
        tune(trials=7)
    assert "epochs = 40" in out.read_text()
    out.unlink()
    assert values_of(tune()) == values_of(found)
    assert out.read_text() == found.toml()


def test_nothing_else_is_left(tune: Tune, tmp_path: Path) -> None:
    """Beside the result there is the search, and no lock, folder or part of a file."""
    tune()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.study.jsonl", "best.toml"]


def test_one_search_at_a_time(tune: Tune, tmp_path: Path) -> None:
    """A second search with the same output is refused while the first one runs."""
    with (
        exclusive_lock(tmp_path / ".best.study.jsonl.lock", "taken"),
        pytest.raises(StorageError, match=r"another search is running on .*best\.study\.jsonl"),
    ):
        tune()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give a function that sets the time at which searches are."""
    now = [0.0]
    monkeypatch.setattr("llminit.tuning.study.time.monotonic", lambda: now[0])

    def set_time(seconds: float) -> None:
        now[0] = seconds

    return set_time


def test_a_budget_of_seconds(tune: Tune, monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]) -> None:
    """Once the time is up no trial begins and the running one is stopped, to be run by a call with more time."""
    right = Search.after_epoch

    def after_epoch(self: Search, attempt: Attempt, number: int, value: float) -> Any:
        clock(10.0 * attempt.position + number)
        return right(self, attempt, number, value)

    monkeypatch.setattr(Search, "after_epoch", after_epoch)
    assert [trial.position for trial in tune(seconds=12.0).trials] == [0], "trial 1 is stopped after its second epoch"
    assert len(tune(seconds=12.0).trials) == 1
    more = tune(seconds=1e9)
    assert len(more.trials) == 6
    assert more.seconds > 12
    assert values_of(more) == values_of(tune(out=None))


def test_a_trial_always_finishes(tune: Tune) -> None:
    """However short the time is, the first preset is there at the end."""
    tuned = tune(seconds=1e-9)
    assert [trial.label for trial in tuned.trials] == ["fast"]
    assert tuned.best.value is not None


def test_worse_trials_are_pruned_and_presets_are_not(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial in the lowest quarter of finished ones at an epoch after the warm-up ends there; a preset never does."""
    epochs: dict[int, int] = {}
    right = Search.after_epoch

    def after_epoch(self: Search, attempt: Attempt, number: int, value: float) -> Any:
        epochs[attempt.position] = number
        # Later trials report less and less.
        return right(self, attempt, number, value / (1 + attempt.position))

    monkeypatch.setattr(Search, "after_epoch", after_epoch)
    tuned = tune(epochs=9, patience=100)
    assert [trial.state for trial in tuned.trials] == ["finished"] * 3 + ["pruned"] * 3
    assert [epochs[position] for position in range(6)] == [9] * 3 + [studies.WARM_UP_EPOCHS] * 3
    assert all(trial.value is None for trial in tuned.trials[3:])


def test_nothing_is_unpickled(tune: Tune, tmp_path: Path) -> None:
    """The search is text: one JSON object a line."""
    tune()
    lines = (tmp_path / "best.study.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_optuna_is_quiet_and_left_as_it_was(tune: Tune, capfd: pytest.CaptureFixture[str]) -> None:
    """A search writes nothing and warns of nothing, and Optuna's own level of logging is as before."""
    import optuna

    before = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tune(trials=12, reporter=Noted())
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before
