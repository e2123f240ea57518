"""`llminit.tune` in Python: what it promises of its result, and what it leaves alone."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import polars as pl
import pytest

import llminit
from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, Split, split_interactions
from llminit.errors import ConfigError, DataError, InputError, MissingExtraError
from llminit.evaluation import mean_metric, ranks_under
from llminit.models import BACKBONES, Backbone
from llminit.pipeline.inputs import load_dataset, load_text
from llminit.pipeline.learn import learn
from llminit.tuning import runner
from llminit.tuning.config import TuneConfig
from noted import Noted
from planted import World
from searching import Tune, values_of


def pair(world: World) -> tuple[pl.Series, Any]:
    return world.embeddings["item_id"], world.embeddings["embedding"].to_numpy()


def validation_value(world: World, config: FitConfig) -> float:
    """Learn with these options and return the metric on the validation interactions."""
    dataset = load_dataset(world.interactions, world.items, config)
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))
    learned = learn(held_out, load_text(dataset, embeddings=pair(world)), config)
    ranks = ranks_under(config.valid_protocol, learned.scorer, held_out.valid, held_out.seen_at_valid)
    return float(mean_metric(ranks, config.valid_metric))


def test_the_best_is_no_worse_than_the_presets(tune: Tune, world: World) -> None:
    """The presets' models are there with the values that `fit` has on validation, and the best is the largest."""
    tuned = tune(trials=8)
    assert list(tuned.first) == ["fast", "wide", "max"]
    for preset in ("fast", "max"):
        report = llminit.fit(
            world.interactions, world.items, embeddings=pair(world), preset=preset, epochs=4, refit=False
        ).report
        trial = next(trial for trial in tuned.trials if trial.label == preset)
        assert trial.best_epochs == [report["best_epoch"]]
        assert trial.value == validation_value(world, FitConfig.make(**report["config"]))
    finished = [trial.value for trial in tuned.trials if trial.value is not None]
    assert tuned.best.value == max(finished) >= max(filter(None, tuned.first.values()))


def test_fit_takes_the_options(tune: Tune, world: World) -> None:
    """`fit` with the best options has the validation value of the trial, and chooses what it chose."""
    tuned = tune()
    assert validation_value(world, tuned.config) == tuned.best.value
    report = llminit.fit(world.interactions, world.items, embeddings=pair(world), config=tuned.config).report
    assert report["options"] == tuned.best.chosen
    assert report["best_epoch"] == tuned.best.best_epochs[0]


@pytest.mark.parametrize("backbones", ["softmax", "mixture", "ease", "lightgcn"])
def test_every_kind_of_model(tune: Tune, world: World, backbones: str) -> None:
    """Backbones, mixtures and baselines are tried, and each value is that of the options."""
    tuned = tune(backbones=backbones, trials=4)
    assert {trial.values["backbone"] for trial in tuned.trials} == {backbones}
    assert len(tuned.trials) == (1 if backbones == "ease" else 4)
    assert tuned.best.value == validation_value(world, tuned.config)


def test_several_splits(tune: Tune, world: World) -> None:
    """A trial's value is the mean over splits and trainings of consecutive seeds."""
    tuned = tune(trials=2, seeds=3, seed=5)
    each = [validation_value(world, tuned.config.model_copy(update={"seed": seed})) for seed in (5, 6, 7)]
    assert tuned.best.value == pytest.approx(np.mean(each), abs=1e-12)
    assert len(tuned.best.best_epochs) == 3
    assert tuned.config.seed == 5


class Poisoned:
    """A split whose test interactions nobody may look at."""

    def __init__(self, split: Split) -> None:
        self.train, self.valid = split.train, split.valid

    @property
    def test(self) -> NoReturn:
        pytest.fail("the test interactions were looked at")


SPOILT: dict[str, Callable[[Split], Any]] = {
    "poisoned": Poisoned,
    "empty": lambda split: Split(split.train, split.valid, split.test.take([])),
    "other": lambda split: Split(split.train, split.valid, split.train),
}


@pytest.mark.parametrize("how", SPOILT)
def test_the_test_part_of_a_split_plays_no_part(tune: Tune, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Whatever the split holds as test interactions, all trials are the same, and reading them is noticed."""
    expected = tune(out=None)

    def spoilt(dataset: Dataset, *arguments: Any) -> Any:
        return SPOILT[how](split_interactions(dataset, *arguments))

    monkeypatch.setattr(runner, "split_interactions", spoilt)
    assert values_of(tune(out=None)) == values_of(expected)


def with_swapped(world: World, position: int) -> pl.DataFrame:
    """Return interactions in which users have swapped the items at a position of their histories, pair by pair."""
    rows = world.interactions.sort("user_id", "timestamp")
    histories = [list(items) for items in rows.group_by("user_id", maintain_order=True).agg("item_id")["item_id"]]
    for one, other in zip(histories[::2], histories[1::2], strict=True):
        if one[position] not in other and other[position] not in one:
            one[position], other[position] = other[position], one[position]
    return rows.with_columns(item_id=pl.Series([item for history in histories for item in history]))


def test_other_test_interactions_change_nothing(tune: Tune, world: World) -> None:
    """With other last items, which a split by time tests on, all trials are the same; with others before them, not."""
    options: dict[str, Any] = {"split": "temporal-loo", "out": None, "backbones": "softmax,history"}
    expected = values_of(tune(**options))
    other_test, other_valid = with_swapped(world, 7), with_swapped(world, 6)
    n_changed = (other_test["item_id"] != world.interactions.sort("user_id", "timestamp")["item_id"]).sum()
    assert n_changed > 20
    assert values_of(tune(**options, interactions=other_test)) == expected
    assert values_of(tune(**options, interactions=other_valid)) != expected


def test_a_trial_that_cannot_be_is_a_failure(tune: Tune) -> None:
    """A width beyond the rank fails with its reason, and the search goes on to what can be."""
    reporter = Noted()
    tuned = tune(backbones="ease,softmax", embedding_size=99, init="whiten", trials=4, reporter=reporter)
    failed = [trial for trial in tuned.trials if trial.state == "failed"]
    assert len(failed) == 3
    assert all("embedding_size=99 exceeds the text embeddings' 32 dimensions" in trial.error for trial in failed)
    assert tuned.config.backbone == "ease"
    assert any("failed: embedding_size=99 exceeds" in message for message in reporter.messages)


def test_all_fail(tune: Tune, tmp_path: Path) -> None:
    """Where no trial can be, the error says how many failed and why; no file of options is written."""
    with pytest.raises(ConfigError, match=r"all 3 trials failed.*the first, fast: embedding_size=99 exceeds"):
        tune(embedding_size=99, init="whiten", trials=3)
    assert not (tmp_path / "best.toml").exists()


def test_an_unexpected_error_is_a_failure(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of any kind in one trial is recorded with its kind; others go on."""
    right = learn

    def sometimes(*arguments: Any, **options: Any) -> Any:
        if arguments[2].learning_rate == 5e-4:
            raise MemoryError("no room")
        return right(*arguments, **options)

    monkeypatch.setattr(runner, "learn", sometimes)
    tuned = tune(trials=3)
    assert [trial.state for trial in tuned.trials] == ["finished", "failed", "failed"]
    assert tuned.trials[1].error == "MemoryError: no room"


def test_without_text(tune: Tune, world: World) -> None:
    """Without an item table and embeddings, models start at random, and what needs text is left out or refused."""
    reporter = Noted()
    tuned = tune(items=None, embeddings=None, trials=4, reporter=reporter)
    assert {trial.values["init"] for trial in tuned.trials} == {"xavier"}
    assert "mixture is left out: it needs text" in reporter.messages
    with pytest.raises(ConfigError, match=r"l3ae cannot be tried: it needs text; .* or give an item table"):
        tune(items=None, embeddings=None, backbones="l3ae,softmax")
    with pytest.raises(ConfigError, match="expected text embeddings or an item table"):
        tune(items=None, embeddings=None, init="whiten")


def test_large_catalogues_have_no_mixture(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixture whose L3AE would need too much memory is left out, and that is said; named, it is refused."""
    monkeypatch.setattr("llminit.tuning.prepare.MAX_BYTES", 100)
    reporter = Noted()
    tuned = tune(trials=2, reporter=reporter)
    assert "max" not in tuned.first
    assert "mixture is left out: for 40 items its l3ae needs too much memory" in reporter.messages
    with pytest.raises(ConfigError, match="mixture cannot be tried"):
        tune(backbones="mixture", out=None)


def test_texts_are_encoded_once(tune: Tune, world: World, tmp_path: Path) -> None:
    """Item texts go through the encoder once for all trials, and through the cache not again."""
    counted = SimpleNamespace(name="counted", n=0, identity=lambda: {"encoder": "counted"})

    def encode(texts: list[str]) -> Any:
        counted.n += len(texts)
        return np.array([np.random.default_rng(list(text.encode())).normal(size=12) for text in texts], np.float32)

    counted.encode = encode
    for trials in (3, 5):
        tune(embeddings=None, encoder=counted, cache=tmp_path / "cache", trials=trials)
    assert counted.n == len(world.items)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"trials": 0}, "trials=0 cannot be used"),
        ({"seconds": -1}, "seconds=-1 cannot be used"),
        ({"seeds": 0}, "seeds=0 cannot be used"),
        ({"backbones": ""}, "backbones"),
        ({"backbones": "softmax,gpt"}, "unknown backbone 'gpt'"),
        ({"init": "magic"}, "unknown init 'magic'"),
        ({"valid_metric": "luck@10"}, "luck@10"),
        ({"workers": 0}, "workers=0 cannot be used"),
        ({"device": "abacus"}, "abacus"),
        ({"no_such": 1}, "unknown option 'no_such'"),
    ],
)
def test_bad_options(tune: Tune, tmp_path: Path, options: dict[str, Any], says: str) -> None:
    """Options that cannot be used are refused by name before the data are read, and nothing is left behind."""
    with pytest.raises(ConfigError, match=says):
        tune(interactions=None, **options)
    assert not list(tmp_path.iterdir())


def test_no_validation_interactions(tune: Tune, world: World, tmp_path: Path) -> None:
    """A split without validation interactions is refused: there is nothing to search on."""
    with pytest.raises(InputError, match="the ratio split has no validation interactions to tune on"):
        tune(split="ratio", valid_share=0.0)
    lonely = world.interactions.group_by("user_id").head(2)
    with pytest.raises(InputError, match="the random-loo split has no validation interactions"):
        tune(interactions=lonely)
    with pytest.raises(DataError, match="timestamp"):
        tune(split="temporal-loo", interactions=world.interactions.drop("timestamp"))
    assert not list(tmp_path.iterdir())


def test_the_extra_is_named(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Optuna the message has the pip command."""
    monkeypatch.setattr("llminit.tuning.tune.util.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"\(optuna\); install it with: pip install 'llminit\[tune\]'"):
        tune()


class Halved(Backbone):
    """MF with a loss of its own, passed as a class."""

    name = "halved-test"
    uses_negatives = True

    def loss(self, batch: Any) -> Any:
        _, (users, positives, negatives) = self.rows(*batch)
        return ((users * (negatives - positives)).sum(dim=1) / 2).exp().mean()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_class_of_ones_own(tune: Tune, workers: int) -> None:
    """A backbone that is passed as a class is searched as those of this package are, in other processes too."""
    try:
        tuned = tune(backbones=[Halved], trials=3, workers=workers, out=None)
        assert tuned.config.backbone == "halved-test"
        states = [trial.state for trial in tuned.trials]
        assert len(states) == 3
        assert states[0] == "finished"
        assert set(states) <= {"finished", "pruned"}
    finally:
        BACKBONES.remove("halved-test")


def test_a_class_that_no_other_process_finds(tune: Tune) -> None:
    """Trials of a class that is defined within a function run in this process, and that is said."""

    class Hidden(Halved):
        """The same, where it cannot be imported from."""

        name = "hidden-test"

    reporter = Noted()
    try:
        tuned = tune(backbones=[Hidden], trials=2, workers=2, out=None, reporter=reporter)
        assert tuned.count("finished") == 2
        assert any("no other process can import it" in message for message in reporter.messages)
    finally:
        BACKBONES.remove("hidden-test")


def test_the_plan_is_said(tune: Tune) -> None:
    """The first note names the budget, the seeds and what is tried first; the last say how each trial ended."""
    reporter = Noted()
    tune(trials=4, seeds=2, seed=3, seconds=500, reporter=reporter)
    assert reporter.messages[0] == (
        "searching with 4 trials on the splits of seeds 3 to 4, for at most 8 min; tried first: fast, wide, max"
    )
    assert sum(message.startswith("trial ") and " s" in message for message in reporter.messages) >= 4


def test_fixed_options_are_those_of_fit() -> None:
    """What is named and also an option of `fit` is fixed; what is not named, and the budget, are not."""
    asked = TuneConfig.make(trials=3, seeds=2, min_rating=4, embedding_size=9, split="ratio", init=None)
    assert asked.fixed() == {"min_rating": 4.0, "embedding_size": 9, "split": "ratio"}
    assert TuneConfig().fixed() == {}
    assert FitConfig.make(**asked.fixed()).embedding_size == 9


def test_defaults_are_those_of_fit() -> None:
    """Options that both have, and that are not searched, have the same default."""
    both = (TuneConfig.model_fields.keys() & FitConfig.model_fields.keys()) - {
        "init",
        "embedding_size",
        "learning_rate",
        "train_batch_size",
        "epochs",
        "patience",
    }
    assert {name: getattr(TuneConfig(), name) for name in both} == {name: getattr(FitConfig(), name) for name in both}
