"""`llminit.fit` and `llminit.initialize` in Python."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import llminit
import planted
from llminit import Recommender
from llminit.arrays import FloatArray
from llminit.errors import ArtefactError, ConfigError, DataError, LLMInitError, StorageError
from llminit.evaluation import mean_metric
from llminit.pipeline import validation
from llminit.text.encoder import Identity
from planted import N_ITEMS, everything_under, plant

SMALL = planted.SMALL | {"backbone": "lightgcn"}
WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())


def fit(**options: Any) -> Recommender:
    return llminit.fit(WORLD.interactions, WORLD.items, **{"embeddings": PAIR, **SMALL, **options})


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return fit()


def assert_equal(one: Recommender, other: Recommender) -> None:
    found, expected = one.model.arrays(), other.model.arrays()
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    assert one.report["metrics"] == other.report["metrics"]
    assert one.users.ids.to_list() == other.users.ids.to_list()
    assert one.items.ids.to_list() == other.items.ids.to_list()


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "arrow", "files", "str"])
def test_frames_and_files_give_the_same(fitted: Recommender, tmp_path: Path, kind: str) -> None:
    """Data frames of each library, and paths, give the same recommender."""
    if kind in ("files", "str"):
        WORLD.interactions.write_csv(tmp_path / "a.csv")
        WORLD.items.write_parquet(tmp_path / "b.parquet")
        tables: list[Any] = [tmp_path / "a.csv", tmp_path / "b.parquet"]
        tables = tables if kind == "files" else [str(path) for path in tables]
    else:
        convert = {"pandas": pl.DataFrame.to_pandas, "arrow": pl.DataFrame.to_arrow, "lazy": pl.DataFrame.lazy}
        tables = [convert.get(kind, pl.DataFrame.clone)(table) for table in (WORLD.interactions, WORLD.items)]
    found = llminit.fit(*tables, embeddings=PAIR, **SMALL)
    assert_equal(found, fitted)
    assert found.titles is not None
    assert fitted.titles is not None
    assert found.titles.to_list() == fitted.titles.to_list()


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled interactions give the same recommender under a random split."""
    shuffled = WORLD.interactions.sample(fraction=1, shuffle=True, seed=1)
    for split in ("random-loo", "ratio"):
        assert_equal(llminit.fit(shuffled, embeddings=PAIR, split=split, **SMALL), fit(split=split))


@pytest.mark.parametrize("backbone", ["mf", "lightgcn", "sgl", "sgcl"])
def test_seeds(backbone: str) -> None:
    """The same seed gives the same result to the bit, another seed another one."""
    one, again, other = (fit(backbone=backbone, seed=seed, epochs=1) for seed in (1, 1, 2))
    assert_equal(one, again)
    assert not np.array_equal(one.model.arrays()["users"], other.model.arrays()["users"])


def test_config_or_options(fitted: Recommender) -> None:
    """A config object gives what the same options give; both at once are refused, not silently dropped."""
    given = llminit.FitConfig(**SMALL)
    assert_equal(llminit.fit(WORLD.interactions, WORLD.items, embeddings=PAIR, config=given), fitted)
    with pytest.raises(ConfigError, match="also the options epochs"):
        llminit.fit(WORLD.interactions, embeddings=PAIR, config=llminit.FitConfig(), epochs=1)
    with pytest.raises(ConfigError, match="also the options seed"):
        llminit.initialize(WORLD.interactions, embeddings=PAIR, config=llminit.InitializeConfig(), seed=1)


def test_the_report(fitted: Recommender) -> None:
    """The report has both protocols, the counts, the whole configuration and one record an epoch."""
    report = fitted.report
    assert set(report["metrics"]) == {"standard", "paper"}
    assert report["metrics"]["standard"].keys() == report["metrics"]["paper"].keys() >= {"recall@10", "ndcg@20"}
    assert llminit.FitConfig(**report["config"]) == llminit.FitConfig(**SMALL)
    assert [record["epoch"] for record in report["history"]] == [1, 2, 3]
    best = max(range(3), key=lambda epoch: (report["history"][epoch]["valid"], epoch))
    assert report["best_epoch"] == best + 1


def test_text_helps_and_training_changes(fitted: Recommender) -> None:
    """On data whose texts tell the truth, text beats random initial embeddings by far before much is trained."""
    xavier = fit(init="xavier")
    assert fitted.report["metrics"]["standard"]["recall@10"] > xavier.report["metrics"]["standard"]["recall@10"] + 0.2
    assert not np.array_equal(fitted.model.arrays()["items"], fit(epochs=0).model.arrays()["items"])


def test_a_finished_out_is_returned(tmp_path: Path) -> None:
    """The same call again returns what is saved; other data, options, titles or text embeddings are refused."""
    made = fit(out=tmp_path / "r")
    before = everything_under(tmp_path)
    again = fit(out=tmp_path / "r")
    assert_equal(again, made)
    assert again.report == made.report
    retitled = WORLD.items.with_columns(title=pl.lit("New"))
    others: list[dict[str, Any]] = [{"seed": 1}, {"embeddings": (PAIR[0], PAIR[1] + 1)}, {"items": retitled}]
    for other in others:
        call = {"items": WORLD.items, "embeddings": PAIR, **SMALL, **other}
        with pytest.raises(ConfigError, match="other data or with other options"):
            llminit.fit(WORLD.interactions, out=tmp_path / "r", **call)
    assert everything_under(tmp_path) == before


def test_overwrite(tmp_path: Path) -> None:
    """Overwrite replaces another recommender or a damaged one, but never a folder that holds other things."""
    fit(out=tmp_path / "r", seed=1)
    (tmp_path / "r" / "users.parquet").write_bytes(b"")
    with pytest.raises(ArtefactError, match=r"users\.parquet.*overwrite"):
        fit(out=tmp_path / "r")
    made = fit(out=tmp_path / "r", overwrite=True)
    assert_equal(llminit.Recommender.load(tmp_path / "r"), made)
    (tmp_path / "r" / "thesis.tex").write_text("precious")
    before = everything_under(tmp_path)
    with pytest.raises(StorageError, match=r"thesis\.tex"):
        fit(out=tmp_path / "r", overwrite=True, seed=3)
    assert everything_under(tmp_path) == before


def test_the_place_is_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An out that is something else, and unknown names, are refused before any text is encoded."""
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    monkeypatch.setattr("llminit.pipeline.fit.text_source", None)
    for name, message in (
        ("mine", "it is a file, expected the name of a folder"),
        ("folder", "not a saved recommender"),
    ):
        with pytest.raises(LLMInitError, match=message):
            fit(out=tmp_path / name, overwrite=True)
    for options in ({"backbone": "x"}, {"init": "x"}, {"valid_metric": "x"}, {"init_options": {"x": 1}}):
        with pytest.raises(ConfigError, match="x"):
            fit(**options)


def test_an_empty_folder_and_the_working_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: Recommender
) -> None:
    """An empty folder may be the out; the working folder may not, and that is said before the work."""
    (tmp_path / "r").mkdir()
    fit(out=tmp_path / "r")
    assert_equal(llminit.Recommender.load(tmp_path / "r"), fitted)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("llminit.pipeline.fit.text_source", None)
    with pytest.raises(StorageError, match="where you work"):
        fit(out=".")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "r"]


def test_an_interrupted_fit_keeps_its_state_and_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: Recommender
) -> None:
    """An error after an epoch leaves the checkpoint and no result; the same call resumes and cleans up."""
    calls, real = list[int](), mean_metric

    def fail_at_the_third(*arguments: Any) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        time.sleep(0.5 if len(calls) == 1 else 0)
        return real(*arguments)

    monkeypatch.setattr(validation, "mean_metric", fail_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        fit(out=tmp_path / "r", checkpoint_seconds=0)
    assert list(everything_under(tmp_path)) == [".r.checkpoint.safetensors"]
    resumed = fit(out=tmp_path / "r", checkpoint_seconds=0)
    assert_equal(resumed, fitted)
    assert resumed.report["seconds"] >= resumed.report["history"][-1]["seconds"] > 0.5
    assert len(calls) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_no_validation_and_no_test() -> None:
    """Without held-out interactions all epochs run, and nothing is claimed."""
    report = fit(split="ratio", valid_share=0, test_share=0).report
    assert (report["best_epoch"], report["metrics"]) == (3, {})


def test_initialize_gives_arrays_with_ids() -> None:
    """Initialize gives float32 arrays in the order of their ids; users are the mean of their items."""
    found = llminit.initialize(WORLD.interactions, embeddings=PAIR, select="variance", embedding_size=8)
    assert found.items.shape == (N_ITEMS, 8)
    assert found.items.dtype == found.users.dtype == np.float32
    row = dict(zip(found.item_ids.to_list(), found.items, strict=True))
    for code in (0, 17):
        user = found.user_ids[code]
        own = WORLD.interactions.filter(pl.col("user_id") == user)["item_id"]
        np.testing.assert_allclose(found.users[code], np.mean([row[item] for item in own], axis=0), rtol=1e-5)


def test_an_encoder_object_and_its_cache(tmp_path: Path) -> None:
    """Any object with the encoder's methods is taken, and the cache saves its work."""

    class Lengths:
        name = "lengths"
        asked = 0

        def identity(self) -> Identity:
            return {"encoder": "lengths"}

        def encode(self, texts: Sequence[str]) -> FloatArray:
            self.asked += len(texts)
            return np.array([[len(text), text.count("C"), 1] for text in texts], dtype=np.float32)

    encoder = Lengths()
    for _ in range(2):
        options: dict[str, Any] = {"select": "full", "encoder": encoder, "cache": tmp_path / "cache"}
        found = llminit.initialize(WORLD.interactions, WORLD.items, **options)
    assert encoder.asked == WORLD.items["title"].n_unique()
    assert found.embedding_size == 3


def test_what_cannot_be_fitted() -> None:
    """A table of no rows and neither texts nor embeddings are refused."""
    with pytest.raises(DataError, match="no rows"):
        llminit.fit(WORLD.interactions.clear(), embeddings=PAIR, **SMALL)
    with pytest.raises(ConfigError, match="init='svd', which needs no text"):
        llminit.fit(WORLD.interactions, **SMALL)
