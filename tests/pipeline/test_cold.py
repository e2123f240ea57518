"""What is served to newcomers, measured."""

from typing import Any

import numpy as np
import pytest

from llminit import fit
from llminit.config import FitConfig
from llminit.errors import ConfigError
from llminit.evaluation import mean_metric, rank_relevant
from llminit.pipeline import cold
from llminit.pipeline.cold import ColdData, cold_items_report
from planted import N_CLUSTERS, N_ITEMS, SMALL, World, plant

K = 10


@pytest.fixture(scope="module")
def world() -> World:
    return plant()


def fitted(world: World, **options: Any) -> Any:
    return fit(world.interactions, world.items, embeddings=world.embeddings, **SMALL | options)


@pytest.fixture(scope="module")
def report(world: World) -> dict[str, Any]:
    made: dict[str, Any] = fitted(world, cold_share=0.2, cold_users=0.2).report
    return made


def test_cold_items_are_recommended(report: dict[str, Any]) -> None:
    """Cold items reach those who have them far more often than chance would, wherever the dial is."""
    rows = report["cold"]
    exposures = [row["exposure"] for row in rows]
    assert exposures == sorted({*cold.EXPOSURES, report["cold_items"]["exposure"]})
    assert set(rows[0]) >= {"exposure", "warm_loss", "recall@10", "ndcg@10", "share_of_lists", "coverage"}
    recalls = [row["recall@10"] for row in rows]
    assert min(row["share_of_lists"] for row in rows) > 0
    # A list of ten of about 33 items that a user has not; of cold ones, those of the user's cluster are a quarter.
    assert min(recalls) > 1.5 * K / N_ITEMS
    assert report["cold_items"]["n_items"] == 8
    assert report["cold_items"]["among_cold_items"]["ndcg@10"] > 0.4
    assert N_CLUSTERS == 4


def test_new_users_are_served(report: dict[str, Any]) -> None:
    """Users made of their histories get the items of their cluster, better than chance."""
    users = report["new_users"]
    assert users["n_users"] == 12
    assert users["metrics"]["recall@10"] > 1.2 * K / (N_ITEMS - 8 - 5)


def test_refit_learns_what_was_held_out(world: World, report: dict[str, Any]) -> None:
    """Counts are of all data; the saved model knows every item and user; without a refit it knows the warm ones."""
    assert report["n_items"] == N_ITEMS
    assert report["refit"]["n_interactions"] == report["n_interactions"] == len(world.interactions)
    whole, measured = fitted(world, cold_share=0.2), fitted(world, cold_share=0.2, refit=False)
    assert len(whole.items) == N_ITEMS
    assert len(measured.items) == N_ITEMS - 8
    added = measured.add_items(
        world.items.filter(~world.items["item_id"].is_in(measured.items.ids.implode())), embeddings=world.embeddings
    )
    assert len(added.items) == N_ITEMS
    assert added.exposure == whole.exposure == measured.report["cold_items"]["exposure"]


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ({"backbone": "ease"}, "ease"),
        ({"init": "xavier"}, "xavier"),
        ({"backbone": "lightgcn", "init": "xavier"}, "xavier"),
    ],
)
def test_a_model_without_text_has_no_cold_items(world: World, options: dict[str, Any], without: str) -> None:
    """It is refused before any work."""
    with pytest.raises(ConfigError, match=without):
        fitted(world, cold_share=0.2, **options)
    with pytest.raises(ConfigError, match="cold_share"):
        FitConfig.make(cold_share=1.0)


@pytest.mark.parametrize("backbone", ["l3ae", "mf", "mixture"])
def test_every_form_of_model(world: World, backbone: str) -> None:
    """Item models, embeddings that were trained in another way, and mixtures are measured in the same way."""
    options = {"backbone_options": {"parts": ["softmax", "l3ae"]}} if backbone == "mixture" else {}
    made = fitted(world, cold_share=0.2, refit=False, backbone=backbone, **options).report
    rows = made["cold"]
    assert all(0 <= row["recall@10"] <= 1 and 0 <= row["share_of_lists"] <= 1 for row in rows)
    assert rows[-1]["recall@10"] > 0.25


def test_by_the_plain_definition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number equals what loops over users and items count."""
    caught: list[tuple[ColdData, float, dict[str, Any]]] = []

    def watched(data: ColdData, chosen: float, *rest: Any) -> dict[str, Any]:
        caught.append((data, chosen, cold_items_report(data, chosen, *rest)))
        return caught[-1][2]

    monkeypatch.setattr(cold, "cold_items_report", watched)
    fitted(world, cold_share=0.2, refit=False)
    data, _, made = caught[0]
    train, held, test = (
        matrix.toarray() > 0 for matrix in (data.held_out.train, data.held_out.valid, data.held_out.test)
    )
    n_users, n_warm = train.shape
    wanted = np.zeros((n_users, data.split.n_cold_items), dtype=bool)
    wanted[data.split.of_items.users, data.split.of_items.items] = True
    wanted[~train.any(axis=1)] = False
    history = data.held_out.train
    ranks = rank_relevant(
        lambda users: data.model.scores(users, history[users]), data.held_out.test, history + data.held_out.valid
    )
    base = mean_metric(ranks, "recall@10")
    for row in made["cold"]:
        scores = data.scorer(row["exposure"])(np.arange(n_users))
        scores[:, :n_warm][train | held] = -np.inf
        places = 1 + (scores[:, np.newaxis, :] > scores[:, :, np.newaxis]).sum(axis=2)
        hits = places[:, n_warm:] <= K
        recall = np.mean([hits[user][wanted[user]].mean() for user in range(n_users) if wanted[user].any()])
        warm = np.mean([(places[user, :n_warm][test[user]] <= K).mean() for user in range(n_users) if test[user].any()])
        assert row["recall@10"] == pytest.approx(recall)
        assert row["warm_loss"] == pytest.approx(1 - warm / base)
        assert row["share_of_lists"] == pytest.approx(hits.sum() / (places <= K).sum())
        assert row["coverage"] == pytest.approx(hits.any(axis=0).mean())
