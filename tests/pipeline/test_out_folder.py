"""Where a fit puts its result: alone, and never over what may not be replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import llminit
import planted
from llminit.errors import ConfigError, DataError, StorageError
from llminit.pipeline.learn import learn
from llminit.pipeline.out_folder import OutFolder
from llminit.recommender import Recommender
from noted import Noted
from planted import everything_under, plant

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = planted.SMALL | {"backbone": "lightgcn"}
WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())


def fit(out: Path, **options: Any) -> Recommender:
    """Fit a small recommender."""
    return llminit.fit(WORLD.interactions, WORLD.items, out=out, **{"embeddings": PAIR, **SMALL, **options})


def test_one_fit_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second fit with the same `out` is refused before it reads anything; one with another `out` is not."""
    (tmp_path / "link").symlink_to(tmp_path / "r", target_is_directory=True)
    with OutFolder(tmp_path / "r").reserved():
        before = everything_under(tmp_path)
        fit(tmp_path / "other")
        with monkeypatch.context() as patch:
            patch.setattr("llminit.pipeline.fit.load_dataset", None)
            for same in (tmp_path / "r", tmp_path / "other" / ".." / "r", tmp_path / "link"):
                with pytest.raises(StorageError, match=r"another fit is running on .*choose another path"):
                    fit(same, overwrite=True)
        left = {name for name in everything_under(tmp_path) if not name.startswith("other")}
        assert left == before.keys() == {".r.lock", "link"}
    fit(tmp_path / "r")
    assert {path.name for path in tmp_path.iterdir()} == {"link", "other", "r"}


def test_a_fit_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither the lock nor the folders that it needed are left when the data cannot be used."""
    with pytest.raises(DataError):
        llminit.fit(WORLD.interactions.clear(), out=tmp_path / "deep" / "er" / "r", init="xavier")
    assert everything_under(tmp_path) == {}


@pytest.fixture
def while_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Let something happen between a fit's training and its end."""

    def during(action: Callable[[], Any]) -> None:
        def train(*arguments: Any, **options: Any) -> Any:
            result = learn(*arguments, **options)
            action()
            return result

        monkeypatch.setattr("llminit.pipeline.fit.learn", train)

    return during


def test_another_recommender_that_appears_meanwhile(
    tmp_path: Path, while_training: Callable[[Callable[[], Any]], None]
) -> None:
    """What was made in another way is looked for again at the end, and refused; with `overwrite` it is replaced."""
    other = fit(tmp_path / "other", seed=1)
    while_training(lambda: other.save(tmp_path / "r"))
    with pytest.raises(ConfigError, match="other data or with other options"):
        fit(tmp_path / "r")
    assert Recommender.load(tmp_path / "r").report == other.report
    assert (tmp_path / ".r.checkpoint.safetensors").exists(), "what was trained is not lost"
    replaced = fit(tmp_path / "r", overwrite=True)
    assert Recommender.load(tmp_path / "r").report == replaced.report
    assert {path.name for path in tmp_path.iterdir()} == {"other", "r"}


def test_other_files_that_appear_meanwhile(tmp_path: Path, while_training: Callable[[Callable[[], Any]], None]) -> None:
    """Files of another kind that come to the place during training are never replaced."""

    def write() -> None:
        (tmp_path / "r").mkdir(exist_ok=True)
        pl.DataFrame({"mine": [1]}).write_csv(tmp_path / "r" / "mine.csv")

    while_training(write)
    with pytest.raises(ConfigError, match="is not a saved recommender"):
        fit(tmp_path / "r", overwrite=True)
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["mine.csv"]


def test_an_equal_recommender_that_appears_meanwhile(
    tmp_path: Path, while_training: Callable[[Callable[[], Any]], None]
) -> None:
    """The result of an equal call elsewhere, with which this one could not be told apart, is no reason to fail."""
    equal = fit(tmp_path / "equal")
    while_training(lambda: equal.save(tmp_path / "r"))
    assert fit(tmp_path / "r").report["metrics"] == equal.report["metrics"]


@pytest.mark.parametrize("epochs", [2, 6])
def test_other_epochs_continue_an_interrupted_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Called again with other epochs and patience, a fit ends as an undisturbed one, and throws no state away."""
    with monkeypatch.context() as patch:
        patch.setattr(OutFolder, "finish", None)  # Both models are trained and not saved.
        with pytest.raises(TypeError):
            fit(tmp_path / "r", epochs=4)
    states = [path.read_bytes() for path in OutFolder(tmp_path / "r").checkpoint_paths]
    notes = Noted()
    continued = fit(tmp_path / "r", epochs=epochs, patience=7, reporter=notes)
    undisturbed = fit(tmp_path / "u", epochs=epochs, patience=7)
    for name, values in undisturbed.model.arrays().items():
        np.testing.assert_array_equal(continued.model.arrays()[name], values)
    assert continued.report["metrics"] == undisturbed.report["metrics"]
    assert continued.report["best_epoch"] == undisturbed.report["best_epoch"]
    resumed = [note for note in notes.messages if note.startswith("resuming after epoch")]
    kept = [path.read_bytes() for path in tmp_path.glob(".r.*")]
    assert len(resumed) + len(kept) == 2
    assert set(kept) <= set(states)
    assert sum("it is kept as" in note for note in notes.messages) == len(kept)
