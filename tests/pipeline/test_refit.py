"""`fit` measures one model and saves another: the same, learned from everything."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llminit
import planted
from llminit import Recommender
from llminit.arrays import FloatArray, IntArray
from llminit.config import FitConfig
from llminit.data import HeldOut, split_interactions
from llminit.errors import ConfigError
from llminit.evaluation import evaluate
from llminit.models import BASELINES
from llminit.models.baselines.ease import EASE
from llminit.pipeline import yardsticks
from llminit.pipeline.inputs import load_dataset, text_source
from llminit.pipeline.learn import learn
from llminit.pipeline.refit import everything, refit_epochs
from noted import Noted
from planted import plant

SMALL = planted.SMALL | {"backbone": "lightgcn"}
WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())


def fit(**options: Any) -> Recommender:
    return llminit.fit(WORLD.interactions, WORLD.items, **{"embeddings": PAIR, **SMALL, **options})


def assert_same_arrays(one: Recommender, other: Recommender) -> None:
    found, expected = one.model.arrays(), other.model.arrays()
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_what_is_saved_has_seen_everything() -> None:
    """The saved model is the one trained on all interactions, for as many steps as were best; the report says so."""
    config = FitConfig(**SMALL, train_batch_size=16)
    recommender = fit(train_batch_size=16)
    dataset = load_dataset(WORLD.interactions, WORLD.items, config)
    epochs = recommender.report["refit"]["epochs"]
    n_train = len(split_interactions(dataset, config.splitting, config.seed).train)
    assert epochs == refit_epochs(recommender.report["best_epoch"], n_train, dataset.n_interactions, 16)
    text = text_source(dataset, embeddings=PAIR).embeddings
    by_hand = learn(everything(dataset), text, config.model_copy(update={"epochs": epochs}))
    for name, values in by_hand.model.arrays().items():
        np.testing.assert_array_equal(recommender.model.arrays()[name], values)
    assert recommender.report["refit"]["n_interactions"] == dataset.n_interactions


def test_no_refit_saves_what_was_measured() -> None:
    """Without refit the measured model is saved; what is measured is the same either way."""
    measured, refitted = fit(refit=False), fit()
    assert measured.report["refit"] is None
    assert measured.report["metrics"] == refitted.report["metrics"]
    assert not np.array_equal(measured.model.arrays()["users"], refitted.model.arrays()["users"])
    config = FitConfig(**SMALL, refit=False)
    dataset = load_dataset(WORLD.interactions, WORLD.items, config)
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))

    def scores(users: IntArray) -> FloatArray:
        return measured.model.scores(users, held_out.train[users])

    found = evaluate(scores, held_out.test, held_out.seen_at_test)
    assert found["standard"]["recall@10"] == measured.report["metrics"]["standard"]["recall@10"]


def test_nothing_held_out_needs_no_refit() -> None:
    """With all interactions in the training data, what is trained has seen everything, and nothing is claimed."""
    report = fit(split="ratio", valid_share=0, test_share=0).report
    assert (report["refit"], report["metrics"], report["baselines"]) == (None, {}, {})
    assert "nothing was measured" in report["verdict"]


@given(best=st.integers(0, 500), n_train=st.integers(1, 10**6), extra=st.integers(0, 10**6), batch=st.integers(1, 4096))
def test_refit_epochs(best: int, n_train: int, extra: int, batch: int) -> None:
    """As many steps as were best, to half an epoch; no training stays none, and some stays some."""
    epochs = refit_epochs(best, n_train, n_train + extra, batch)
    steps, steps_of_all = -(-n_train // batch), -(-(n_train + extra) // batch)
    assert (epochs == 0) == (best == 0)
    assert epochs <= 1 or abs(epochs * steps_of_all - best * steps) <= steps_of_all / 2


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_any_baseline_can_be_fitted_and_saved(tmp_path: Path, name: str) -> None:
    """A baseline is tuned, measured, refitted with the options that were best, saved, and recommends."""
    recommender = fit(backbone=name, out=tmp_path / "r")
    dataset = load_dataset(WORLD.interactions, WORLD.items, FitConfig())
    text = text_source(dataset, embeddings=PAIR).embeddings.values
    of_all = everything(dataset)
    fitted = BASELINES[name].make(**recommender.report["options"]).fit(of_all.train, text, of_all.train_order)
    loaded = Recommender.load(tmp_path / "r")
    codes = np.arange(dataset.n_users)
    np.testing.assert_allclose(loaded.model.scores(codes, loaded.seen), fitted.scores(codes), rtol=1e-4, atol=1e-5)
    assert loaded.recommend(k=3).height == 3 * dataset.n_users
    assert loaded.report["metrics"]["standard"]["recall@10"] > 0
    assert loaded.report["best_epoch"] is None
    assert name not in loaded.report["baselines"]


def test_a_baseline_by_its_class() -> None:
    """Python takes the class itself, and fixed options are not tuned."""
    recommender = fit(backbone=EASE, backbone_options={"l2": 3.0})
    assert recommender.report["options"] == {"l2": 3.0}
    assert_same_arrays(recommender, fit(backbone="ease", backbone_options={"l2": 3.0}))


def test_simple_models_stand_beside_it() -> None:
    """Popularity and EASE are measured on the same split; one line says how the model stands to the best of them."""
    report = fit().report
    config = FitConfig(**SMALL)
    dataset = load_dataset(WORLD.interactions, WORLD.items, config)
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))
    assert set(report["baselines"]) == {"popularity", "ease"}
    for name, values in report["baselines"].items():
        fitted = BASELINES[name].make(**values["options"]).fit(held_out.train)
        found = evaluate(fitted.scores, held_out.test, held_out.seen_at_test)
        assert values["metrics"]["standard"]["recall@10"] == found["standard"]["recall@10"]
    best = max(values["metrics"]["standard"]["recall@10"] for values in report["baselines"].values())
    assert f"{report['metrics']['standard']['recall@10']:.4f} against {best:.4f}" in report["verdict"]


def test_many_items_stand_beside_a_model_that_they_can_afford(monkeypatch: pytest.MonkeyPatch) -> None:
    """EASE inverts a matrix of items by items; over a number of them RP3-beta takes its place."""
    assert yardsticks.yardstick_names(4_000) == ("popularity", "ease")
    assert yardsticks.yardstick_names(4_001) == ("popularity", "rp3beta")
    monkeypatch.setattr(yardsticks, "MAX_ITEMS_OF_EASE", 39)
    report = fit().report
    assert set(report["baselines"]) == {"popularity", "rp3beta"}
    assert " of rp3beta, the strongest simple model" in report["verdict"]


def test_the_recommender_knows_its_text(tmp_path: Path) -> None:
    """The fitted selection is saved: a text embedding goes through it to the item's initial embedding."""
    fit(out=tmp_path / "r", backbone="mf", epochs=0)
    loaded = Recommender.load(tmp_path / "r")
    assert loaded.text is not None
    dataset = load_dataset(WORLD.interactions, WORLD.items, FitConfig())
    text = text_source(dataset, embeddings=PAIR).embeddings.values
    assert (loaded.text.selector, loaded.text.encoder, len(loaded.text.fingerprint)) == ("whiten", None, 64)
    selected = loaded.text.selection.apply(text)
    np.testing.assert_allclose(selected, loaded.model.arrays()["items"], rtol=1e-5, atol=1e-6)


def test_what_plays_no_part_is_said() -> None:
    """Embeddings beside xavier, and a template beside embeddings, are not ignored in silence."""
    notes = Noted()
    fit(init="xavier", reporter=notes)
    assert any("uses no text: embeddings" in note for note in notes.messages)
    notes = Noted()
    fit(text="{title}", reporter=notes)
    assert any("text embeddings were given: text plays no part" in note for note in notes.messages)


def test_training_that_ends_too_early_is_said() -> None:
    """Where the last epoch was the best, more epochs may help."""
    notes = Noted()
    report = fit(epochs=1, reporter=notes).report
    assert report["best_epoch"] == 1
    assert any("still rising" in note for note in notes.messages)


def test_unknown_models() -> None:
    """The error lists backbones and baselines."""
    with pytest.raises(ConfigError, match=r"unknown backbone 'x'; choose one of .*lightgcn.* or a baseline: .*ease"):
        fit(backbone="x")
