"""A comparison of what new items and users get."""

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import llminit
import llminit.comparison
from llminit.comparison import cold_cell, execute
from llminit.errors import ArtefactError, ConfigError, DataError, LLMInitError
from llminit.evaluation import mean_metric
from llminit.evaluation.dial import measure_dial
from llminit.pipeline.cold import EXPOSURES
from llminit.pipeline.cold_ways import CATEGORY_POPULARITY, TEXT_KNN
from llminit.results import ColdCell, ResultsFolder, open_results, write_archive
from planted import World
from watching import Compare, Pair, names, stamps

COLD: dict[str, Any] = {"cold_share": 0.2, "tune": False}
ONE: dict[str, Any] = {"inits": "pca", "baselines": "text-only"}


def cold_of(folder: ResultsFolder) -> dict[str, ColdCell]:
    return {cell.key.label: cell for cell in folder.cold_cells()}


def test_a_cold_cell_is_what_fit_does(
    compare: Compare, world: World, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the exposures that `fit --cold-share` measures, a cell has the same numbers."""
    monkeypatch.setattr(cold_cell, "measure_dial", partial(measure_dial, dials=EXPOSURES))
    cell = cold_of(compare(**ONE | COLD, first_seed=2))["lightgcn + pca"]
    options: dict[str, Any] = {"embedding_size": 8, "epochs": 3, "seed": 2, "backbone": "lightgcn", "init": "pca"}
    made = llminit.fit(world.interactions, world.items, embeddings=pair, refit=False, cold_share=0.2, **options)
    details = made.report["cold_items"]
    for name in ("n_items", "n_interactions", "n_users"):
        assert getattr(cell, name) == details[name]
    assert cell.saved == details["exposure"]
    assert cell.among_cold["recall@10"] == pytest.approx(details["among_cold_items"]["recall@10"])
    measured = {row["exposure"]: row for row in made.report["cold"]}
    for row in cell.rows:
        for name in ("warm_loss", "warm_loss_ndcg@10", "recall@10", "ndcg@10", "share_of_lists", "coverage"):
            assert row[name] == pytest.approx(measured[row["dial"]][name], abs=1e-9)


def test_new_users_are_those_of_fit(compare: Compare, world: World, pair: Pair) -> None:
    """Users that were held out are as many and as well served as in a fit that holds them out."""
    cell = cold_of(compare(**ONE, cold_users=0.2, tune=False))["lightgcn + pca"]
    options: dict[str, Any] = {"embedding_size": 8, "epochs": 3, "backbone": "lightgcn", "init": "pca"}
    made = llminit.fit(world.interactions, world.items, embeddings=pair, refit=False, cold_users=0.2, **options)
    assert cell.new_users == made.report["new_users"]
    assert cell.rows == []


def test_nothing_else_changes(compare: Compare, tmp_path: Path) -> None:
    """With or without new items, all other cells are the same; in a folder of old results only new ones are added."""
    plain = compare(**ONE, tune=False, out=tmp_path / "plain")
    both = compare(**ONE | COLD)
    assert both.header.config["cold_share"] == 0.2
    assert names(plain) == names(both)
    assert set(both.header.planned) == names(both)
    for mine, other in zip(plain.cells(), both.cells(), strict=True):
        assert (mine.fingerprint, mine.metrics) == (other.fingerprint, other.metrics)
    before = stamps(plain)
    grown = compare(**ONE | COLD, out=tmp_path / "plain")
    assert before.items() <= stamps(grown).items()
    assert {cell.fingerprint for cell in grown.cold_cells()} == {cell.fingerprint for cell in both.cold_cells()}
    assert plain.cold.names() == both.cold.names()
    # A call without new items keeps what the folder says of them.
    assert compare(**ONE, tune=False).header.config["cold_share"] == 0.2


def test_which_methods_are_measured(compare: Compare, tmp_path: Path) -> None:
    """New items are measured for what uses text, and beside it text kNN and popularity; new users for everything."""
    found = cold_of(compare(**COLD, inits="xavier,pca", baselines="popularity,l3ae,ials"))
    assert set(found) == {"lightgcn + pca", "l3ae", "ials", TEXT_KNN}
    assert all(cell.rows and cell.new_users is None for cell in found.values())
    users = cold_of(compare(cold_users=0.2, inits="xavier,pca", baselines="popularity", out=tmp_path / "users"))
    assert set(users) == {"lightgcn + pca", "lightgcn + xavier", "popularity"}
    assert all(not cell.rows and cell.new_users for cell in users.values())


def test_popularity_within_the_category(world: World, pair: Pair, tmp_path: Path) -> None:
    """Where the items have categories, a cold item gets the mean popularity of its own."""
    items = world.items.with_columns(genres=pl.col("title").str.slice(0, 9))
    folder = llminit.comparison.compare(
        world.interactions,
        items,
        out=tmp_path / "r",
        embeddings=pair,
        workers=0,
        backbones="none",
        embedding_sizes=8,
        baselines="text-only",
        seeds=1,
        **COLD,
    )
    cell = cold_of(folder)[CATEGORY_POPULARITY]
    assert cell.key.encoder is None
    # Everybody gets the same items, so that some are in every list before others are in any.
    assert max(row["most_shown"] for row in cell.rows) > 0.5
    assert cell.saved is None


def test_more_shares_are_cells_of_their_own(compare: Compare) -> None:
    """Another share, and the items that appeared last, stand beside the first ones."""
    first = compare(**ONE | COLD).cold.names()
    compare(**ONE | COLD | {"cold_share": 0.4})
    folder = compare(**ONE | COLD | {"cold_split": "time"})
    assert len(folder.cold.names()) == 3 * len(first)
    last = [cell for cell in folder.cold_cells() if cell.key.cold_split == "time"]
    assert {cell.key.name.partition("_cold-")[2] for cell in last} == {"0.2-last"}


def test_a_killed_run_continues(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished is not run again; what failed is recorded, makes new failures, and is tried again."""
    run = cold_cell.run_cold_cell

    def not_text_only(data: Any, config: Any, key: Any, *rest: Any, **options: Any) -> ColdCell:
        if key.model == "text-only":
            raise LLMInitError("no room")
        return run(data, config, key, *rest, **options)

    monkeypatch.setattr(execute, "run_cold_cell", not_text_only)
    folder = compare(**ONE | COLD)
    (failure,) = folder.cold.new_failures()
    assert failure.key.model == "text-only"
    assert "no room" in failure.error
    assert "text-only" not in cold_of(folder)
    before = stamps(folder)
    monkeypatch.undo()
    again = compare(**ONE | COLD)
    assert again.cold.failures() == []
    assert "text-only" in cold_of(again)
    kept = {name: stamp for name, stamp in before.items() if not name.endswith(".failed.json")}
    assert kept.items() <= stamps(again).items()


def test_a_cell_goes_on_from_its_state(compare: Compare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cell that is interrupted in training leaves its state, and continues to the same numbers, without leftovers."""
    undisturbed = cold_of(compare(**ONE | COLD, out=tmp_path / "u"))["lightgcn + pca"]
    folder = compare(**ONE, tune=False)
    calls, real = list[int](), mean_metric

    def fail_at_the_second(*arguments: Any) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("llminit.pipeline.validation.mean_metric", fail_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        compare(**ONE | COLD, checkpoint_seconds=0)
    assert folder.cold.checkpoint_path(undisturbed.key.name).exists()
    resumed = cold_of(compare(**ONE | COLD, checkpoint_seconds=0))["lightgcn + pca"]
    # Three epochs: one before the interruption, the second one twice, and the third.
    assert len(calls) == 4
    assert (resumed.rows, resumed.warm) == (undisturbed.rows, undisturbed.warm)
    assert not [path.name for path in folder.path.rglob(".*")]


def test_damage_is_noticed(compare: Compare) -> None:
    """A changed number is found before any work, and the message says what to do."""
    folder = compare(**ONE | COLD)
    name = folder.cold.names()[0]
    path = folder.cold.cell_path(name)
    path.write_text(path.read_text(encoding="utf-8").replace('"n_items": 8', '"n_items": 9'), encoding="utf-8")
    with pytest.raises(ArtefactError, match=f"delete cold/{name}.json"):
        compare(**ONE | COLD)


def test_an_archive_keeps_them(compare: Compare, tmp_path: Path) -> None:
    """An archive has the same cells, to six digits; one without any has the bytes that it had before."""
    folder = compare(**ONE | COLD)
    write_archive(folder, tmp_path / "archive")
    kept = open_results(tmp_path / "archive").cold_cells()
    assert [cell.key for cell in kept] == [cell.key for cell in folder.cold_cells()]
    for mine, other in zip(folder.cold_cells(), kept, strict=True):
        assert other.at(0.06, "recall@10") == pytest.approx(mine.at(0.06, "recall@10"), rel=1e-4)
    without = compare(**ONE, tune=False, out=tmp_path / "without")
    write_archive(without, tmp_path / "small")
    assert open_results(tmp_path / "small").cold_cells() == []


def test_what_cannot_be_held_out(compare: Compare, world: World) -> None:
    """It is refused before any work: without text, without times, or where nothing would be held out."""
    with pytest.raises(ConfigError, match="uses the items' text"):
        compare(inits="xavier", baselines="popularity", cold_share=0.2)
    untimed = world.interactions.drop("timestamp")
    with pytest.raises(DataError, match="timestamps"):
        compare(**ONE | COLD, interactions=untimed, cold_split="time")
    with pytest.raises(DataError, match="cold_share"):
        compare(**ONE | COLD | {"cold_share": 0.001})


def test_in_workers(compare: Compare, tmp_path: Path) -> None:
    """Worker processes measure what this one does, except for rounding in another order."""
    here = cold_of(compare(**ONE | COLD))
    there = cold_of(compare(**ONE | COLD, workers=1, out=tmp_path / "w"))
    assert here.keys() == there.keys()
    for label, cell in here.items():
        assert there[label].at(0.06, "recall@10") == pytest.approx(cell.at(0.06, "recall@10"))
