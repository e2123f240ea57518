"""Options are chosen on validation interactions alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.config import Protocol
from llminit.errors import ConfigError, InputError
from llminit.evaluation import mean_metric, ranks_under
from llminit.models import BASELINES
from llminit.models.baseline import FittedBaseline
from llminit.models.baselines.item_knn import ItemKNN
from llminit.pipeline.grid_search import tune


def planted(seed: int = 0, n_users: int = 40, n_items: int = 30) -> tuple[csr_array, csr_array, FloatArray]:
    """Draw users of two tastes; one item of each is held out for validation. Gives train, valid and text."""
    rng = np.random.default_rng(seed)
    likes = np.where((np.arange(n_users)[:, None] + np.arange(n_items)) % 2, 0.4, 0.1)
    taken = rng.random((n_users, n_items)) < likes
    taken[:, 0] = taken[:, 1] = True
    valid = np.zeros_like(taken)
    for user in range(n_users):
        valid[user, rng.choice(np.flatnonzero(taken[user]))] = True
    text = rng.normal(size=(n_items, 5)).astype(np.float32)
    return csr_array((taken & ~valid).astype(np.float32)), csr_array(valid.astype(np.float32)), text


TRAIN, VALID, TEXT = planted()


def measured(fitted: FittedBaseline, metric: str = "ndcg@10", protocol: Protocol = "standard") -> float:
    return mean_metric(ranks_under(protocol, fitted.scores, VALID, TRAIN), metric)


@pytest.mark.parametrize("name", BASELINES)
def test_tuning_tries_the_grid_and_keeps_the_best(name: str) -> None:
    """Every point is tried once, each value is that of the point, and what is fitted is the best of them."""
    tuned = tune(name, TRAIN, VALID, TRAIN, text=TEXT)
    n_points = int(np.prod([len(values) for values in BASELINES[name].grid.values()]))
    assert len({tuple(trial.options.items()) for trial in tuned.trials}) == len(tuned.trials) == n_points
    for trial in tuned.trials:
        assert trial.valid == pytest.approx(measured(BASELINES[name].make(**trial.options).fit(TRAIN, TEXT)), abs=1e-9)
    best = max(tuned.trials, key=lambda trial: trial.valid)
    assert tuned.options == best.options
    again = BASELINES[name].make(**tuned.options).fit(TRAIN, TEXT)
    users = np.arange(40)
    assert np.array_equal(tuned.fitted.scores(users), again.scores(users))


def test_tuning_follows_the_metric_and_the_protocol() -> None:
    """Each trial holds the metric that was asked for, under the protocol that was asked for."""
    tuned = tune("item-knn", TRAIN, VALID, TRAIN, metric="recall@5", protocol="paper")
    for trial in tuned.trials:
        fitted = BASELINES["item-knn"].make(**trial.options).fit(TRAIN)
        assert trial.valid == measured(fitted, "recall@5", "paper")
    assert tuned.trials != tune("item-knn", TRAIN, VALID, TRAIN, metric="recall@5").trials


def test_of_equal_points_the_first_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours beyond the number of items change nothing, so the first number of them is chosen."""
    monkeypatch.setattr(ItemKNN, "grid", MappingProxyType({"k": (50, 40, 60)}))
    tuned = tune("item-knn", TRAIN, VALID, TRAIN)
    assert len({trial.valid for trial in tuned.trials}) == 1
    assert tuned.options == {"k": 50}


def test_a_fixed_option_is_not_varied() -> None:
    """An option given is the same in every trial, whether the grid varies it or not."""
    tuned = tune("ease", TRAIN, VALID, TRAIN, options={"l2": 77.0, "max_memory_gib": 1.0})
    assert [trial.options for trial in tuned.trials] == [{"l2": 77.0, "max_memory_gib": 1.0}]


def test_progress_counts_points_and_says_the_best() -> None:
    """The reporter hears one step a point, and the best value so far."""
    heard: list[tuple[str, int] | str] = []

    class Recorder:
        @contextmanager
        def task(self, name: str, total: int, done: int = 0) -> Iterator["Recorder"]:
            heard.append((name, total))
            yield self

        def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
            heard.append(status)

        def note(self, message: str) -> None:
            heard.append(message)

    tuned = tune("ease", TRAIN, VALID, TRAIN, reporter=Recorder())
    assert heard[0] == ("tuning ease", len(tuned.trials))
    assert len(heard) == 1 + len(tuned.trials)
    assert heard[-1] == f"best ndcg@10 {max(trial.valid for trial in tuned.trials):.4f}"


def never(*_args: object, **_options: object) -> NoReturn:
    pytest.fail("nothing may be fitted before the options are checked")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("svd", {}, "unknown baseline 'svd'"),
        ("ease", {"metric": "ndcg"}, "unknown metric"),
        ("ease", {"options": {"l2": -1}}, "l2"),
        ("ease", {"options": {"no_such": 1}}, "unknown option 'no_such'"),
        ("text-only", {}, "text-only was given no text"),
    ],
)
def test_what_cannot_be_used_is_refused_before_fitting(
    name: str, options: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ConfigError comes before any work is done."""
    for kind in map(BASELINES.__getitem__, BASELINES):
        monkeypatch.setattr(kind, "learn", never)
    with pytest.raises(ConfigError, match=says):
        tune(name, TRAIN, VALID, TRAIN, **options)


def test_matrices_and_protocols_that_cannot_be_used_are_refused() -> None:
    """Errors name a protocol that does not exist, a table that is not sparse and an item that was seen."""
    with pytest.raises(ConfigError, match="unknown protocol 'masked'"):
        tune("popularity", TRAIN, VALID, TRAIN, protocol="masked")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="relevant is a ndarray"):
        tune("popularity", TRAIN, VALID.toarray(), TRAIN)
    with pytest.raises(InputError, match="also seen"):
        tune("popularity", TRAIN, VALID, TRAIN + VALID)


def test_tuning_needs_validation_interactions() -> None:
    """Without any there is an InputError that says so."""
    with pytest.raises(InputError, match="no validation interactions"):
        tune("ease", TRAIN, csr_array(VALID.shape, dtype=np.float32), TRAIN)
