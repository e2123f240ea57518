"""A search that can be killed: an Optuna study, what of it is settled, and which trial is next.

A trial has a position: 0, 1, 2, ... One that was running when the process was killed is marked as failed, and its
position is run again, with the same values where one process runs one trial at a time.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import PercentilePruner
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from llminit.checksums import sha256_of_json
from llminit.config import FitConfig
from llminit.errors import ArtefactError, ConfigError
from llminit.locks import exclusive_lock
from llminit.out_paths import resolved_out
from llminit.storage import remove
from llminit.tuning.config import TuneConfig
from llminit.tuning.journal import open_journal, writing
from llminit.tuning.outcome import Outcome, Word
from llminit.tuning.sampling import GivenValues, tree_sampler
from llminit.tuning.space import Space, Values

WARM_UP_EPOCHS = 4
"""A trial is never pruned before this epoch."""

KEPT_PERCENT = 75.0
"""A trial is pruned unless it is among so many percent of the finished ones at its epoch. Half would prune what learns
slowly and ends high, beside presets that learn fast."""

_NAME = "llminit"


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from writing anything but errors while a block runs."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@dataclass(frozen=True, eq=False)
class Attempt:
    """A trial that runs.

    Attributes:
        trial: Optuna's.
        position: Its place in the search.
        label: The name of a first trial; else empty.
        values: What it sets.
        config: The options of `fit` that it stands for.
    """

    trial: optuna.Trial
    position: int
    label: str
    values: Values
    config: FitConfig

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"trial {self.position}" + (f" ({self.label})" if self.label else "")


class SearchFile:
    """The file of a search, beside its result.

    Attributes:
        out: The result.
        path: The journal.
        work: A folder for workers.

    Raises:
        StorageError: The result can never be written there.
    """

    def __init__(self, out: Path) -> None:
        self.out, real = out, resolved_out(out)
        self.path = real.with_name(f"{real.stem}.study.jsonl")
        self._lock = real.with_name(f".{self.path.name}.lock")
        self.work = real.with_name(f".{self.path.name}.work")

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep other searches from this file while a block runs.

        Raises:
            StorageError: Another one is running there, or nothing can be written there.
        """
        refusal = f"another search is running on {self.path}; wait until it is done, or choose another path"
        with exclusive_lock(self._lock, refusal):
            yield

    def storage(self, *, overwrite: bool) -> BaseStorage:
        """Open it.

        Raises:
            ArtefactError: It is damaged.
            StorageError: It cannot be written.
        """
        if overwrite:
            remove(self.path)
        return open_journal(self.path)


class Search:
    """The trials of a search.

    Args:
        file: Where they are kept; None keeps them in memory.
        space: What is searched.
        asked: The call's options.
        header: What the search is of; a stored search of anything else is refused.
        overwrite: Forget what is stored.

    Raises:
        ConfigError: The stored search is of other data, options or another space.
        ArtefactError: It is damaged.
        StorageError: It cannot be written.
    """

    def __init__(
        self, file: SearchFile | None, space: Space, asked: TuneConfig, header: dict[str, Any], *, overwrite: bool
    ) -> None:
        self.space, self.asked, self._path = space, asked, None if file is None else file.path
        with writing(self._path):
            self.study = _opened(InMemoryStorage() if file is None else file.storage(overwrite=overwrite))
        self.study.pruner = PercentilePruner(KEPT_PERCENT, len(space.first), WARM_UP_EPOCHS)
        trials = self.study.get_trials(deepcopy=False)
        if file is not None and trials:
            check_same(self.study.user_attrs.get("header"), header, file.path)
            _check_sums(self.settled(), file.path)
        with writing(self._path):
            if self.study.user_attrs.get("header") != header:
                self.study.set_user_attr("header", header)
            for trial in trials:
                if not trial.state.is_finished():
                    self.study.tell(trial.number, state=TrialState.FAIL)
        self._earlier_seconds = max((trial.user_attrs.get("elapsed", 0.0) for trial in trials), default=0.0)
        self._began = time.monotonic()

    def settled(self) -> list[FrozenTrial]:
        """Return the trials that have ended by themselves, in order of their positions."""
        trials = self.study.get_trials(deepcopy=False)
        return sorted(
            (trial for trial in trials if trial.state.is_finished() and "outcome" in trial.user_attrs),
            key=lambda trial: int(trial.user_attrs["position"]),
        )

    @property
    def total(self) -> int:
        """How many trials there are to be: where nothing is searched, no more than the first ones."""
        return self.asked.trials if self.space.models else min(self.asked.trials, len(self.space.first))

    @property
    def written(self) -> list[str]:
        """The SHA-256 of every result that was written."""
        return list(self.study.user_attrs.get("written", []))

    def note_written(self, digest: str) -> None:
        """Record that a result is going to be written."""
        with writing(self._path):
            if digest not in self.written:
                self.study.set_user_attr("written", [*self.written, digest])

    @property
    def n_left(self) -> int:
        """How many trials there are still to be."""
        return max(0, self.total - len(self.settled()))

    def best(self) -> FrozenTrial | None:
        """Return the finished trial with the highest value, of equal ones the first; None before there is one."""
        finished = [trial for trial in self.settled() if trial.state == TrialState.COMPLETE]
        return max(finished, key=lambda trial: float(trial.value or 0.0), default=None)

    @property
    def seconds(self) -> float:
        """How long has been searched, earlier calls counted."""
        return self._earlier_seconds + time.monotonic() - self._began

    def begin(self) -> Attempt | None:
        """Return the next trial, or None where the budget is spent."""
        taken = {int(trial.user_attrs["position"]) for trial in self.settled()}
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        taken |= {int(trial.user_attrs["position"]) for trial in running}
        position = next(position for position in range(len(taken) + 1) if position not in taken)
        if position >= self.total or self._is_late():
            return None
        first = self.space.first[position] if position < len(self.space.first) else None
        if first is None:
            self.study.sampler = tree_sampler(self.asked.seed, position, len(self.space.first))
        else:
            self.study.sampler = GivenValues(first.values)
        with writing(self._path):
            trial = self.study.ask()
            trial.set_user_attr("position", position)
            # A baseline is none of the models that are searched.
            is_searched = first is None or first.values["backbone"] in self.space.models
            values = self.space.suggest(trial) if is_searched else first.values  # type: ignore[union-attr]
        return Attempt(trial, position, "" if first is None else first.label, values, self.space.config(values))

    def after_epoch(self, attempt: Attempt, epoch: int, value: float) -> Word:
        """Record an epoch's validation metric, and say whether the trial is to go on."""
        with writing(self._path):
            attempt.trial.report(value, epoch)
        if self._is_late():
            return "stop"
        # A first trial is what the others are compared with.
        return "prune" if not attempt.label and attempt.trial.should_prune() else "go on"

    def end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Record how a trial ended; one that was stopped counts as not begun."""
        states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        record: dict[str, Any] = {"elapsed": self.seconds}
        if outcome.state != "stopped":
            record |= {"label": attempt.label, "values": attempt.values, "outcome": outcome.as_json()}
            record["checksum"] = _checksum(attempt.position, record)
        with writing(self._path):
            for name, value in record.items():
                attempt.trial.set_user_attr(name, value)
            self.study.tell(attempt.trial, outcome.value, state=states.get(outcome.state, TrialState.FAIL))

    def _is_late(self) -> bool:
        """Return whether the time is up; never before a trial has finished."""
        if self.asked.seconds is None or self.seconds < self.asked.seconds:
            return False
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def _opened(storage: BaseStorage) -> optuna.Study:
    """Return the study in a storage, made if it is not there."""
    try:
        return optuna.load_study(study_name=_NAME, storage=storage)
    except KeyError:
        return optuna.create_study(study_name=_NAME, storage=storage, direction="maximize")


def _checksum(position: int, record: dict[str, Any]) -> str:
    kept = [position, *(record[name] for name in ("label", "values", "outcome"))]
    return sha256_of_json(kept, ensure_ascii=True)


def _check_sums(trials: list[FrozenTrial], path: Path) -> None:
    """Check that trials are as they were written.

    Raises:
        ArtefactError: One is not.
    """
    for trial in trials:
        record = trial.user_attrs
        same = record["checksum"] == _checksum(record["position"], record)
        same = same and trial.params.items() <= record["values"].items()
        if not same or (trial.state == TrialState.COMPLETE and trial.value != record["outcome"]["value"]):
            raise ArtefactError(
                f"trial {record['position']} in {path} does not match its checksum; move the file away, choose another "
                "path, or pass overwrite to search anew"
            )


def check_same(stored: dict[str, Any] | None, now: dict[str, Any], path: Path) -> None:
    """Check that a stored search is of the same data, options and space.

    Raises:
        ConfigError: It is not; the message says what differs.
    """
    stored = stored or {}
    for name, what in (("format", "another version"), ("data", "other interactions"), ("text", "other texts")):
        if stored.get(name) != now[name]:
            raise _other(path, f"of {what}")
    before = stored.get("options", {})
    changed = [
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in now["options"].items()
        if before.get(name) != value
    ]
    if changed:
        raise _other(path, f"with other options: {'; '.join(changed)}")
    if stored.get("space") != now["space"]:
        raise _other(path, "over another search space, of another version of llminit or of its parts")


def _other(path: Path, how: str) -> ConfigError:
    return ConfigError(
        f"{path} holds a search {how}; use the same, choose another path, or pass overwrite to search anew"
    )
