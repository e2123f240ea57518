"""The quantiles of SL@K against sorting all scores of one user after the other."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import oracles
import oracles_losses
from llminit.models import BACKBONES
from llminit.models.quantiles import top_k_quantiles
from llminit.models.sampled_softmax import SampledSoftmax
from sample_graphs import pairs_of, random_pairs, small_graph, vectors

N_USERS, N_ITEMS = 40, 60


def problem() -> tuple[dict[str, torch.Tensor], list[list[int]]]:
    """Users with none to many of 60 items, and scores of their items that are not those of the rows."""
    rng = np.random.default_rng(1)
    users, items = random_pairs(rng, N_USERS, N_ITEMS, 300)
    order = np.lexsort((items, users))
    histories = [sorted(items[users == user].tolist()) for user in range(N_USERS)]
    starts = np.concatenate([[0], np.cumsum([len(history) for history in histories])])
    parts = {
        "users": vectors(rng, N_USERS, 5),
        "items": vectors(rng, N_ITEMS, 5),
        "starts": starts,
        "histories": items[order],
        "own": vectors(rng, len(items)) + 1,
    }
    return {name: torch.from_numpy(part) for name, part in parts.items()}, histories


@pytest.mark.parametrize("k", [1, 7, 59, 100])
def test_all_items_give_the_true_quantile(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where as many items are drawn as there are, it is the K-th highest score; with fewer than K, the lowest."""
    monkeypatch.setattr("llminit.models.quantiles._USERS_AT_ONCE", 16)
    parts, histories = problem()
    found = top_k_quantiles(**parts, k=k, n_drawn=10_000, rng=np.random.default_rng(0))
    users, items, own = (parts[name].numpy() for name in ("users", "items", "own"))
    oracles.assert_close(found, np.array(oracles_losses.kth_highest(users, items, histories, own, k)), 1e-6)


def test_fewer_items_give_a_lower_quantile() -> None:
    """With 20 of 60 items drawn, no estimate is above the true value, some are below, and the draw is the rng's."""
    parts, _ = problem()
    full = top_k_quantiles(**parts, k=10, n_drawn=60, rng=np.random.default_rng(0))
    first, again, other = (
        top_k_quantiles(**parts, k=10, n_drawn=20, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert (first <= full).all()
    assert (first < full).any()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def make(name: str, **options: Any) -> SampledSoftmax:
    kind, rng = BACKBONES[name], np.random.default_rng(0)
    options = {"loss": "sl@k"} | options
    backbone = kind(vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph(), kind.options_type.make(**options))
    assert isinstance(backbone, SampledSoftmax)
    return backbone


def test_histories_leave_the_pairs_own_item_out() -> None:
    """The scores of a user's own items are those of training: with a user who is made of the others."""
    backbone, pairs = make("history"), pairs_of(small_graph())
    units = backbone.trained_units()
    found = backbone.own_cosines(units[:7], units[7:])
    histories = [[item for other, item in pairs if other == user] for user in range(7)]
    expected = oracles_losses.left_out_user_cosines(oracles.tensor(backbone.embeddings.detach()), histories)
    oracles.assert_close(found, np.array(expected), 1e-5)


def test_quantiles_are_of_the_rows_that_training_compares() -> None:
    """With the graph in training, they are of propagated rows, and are estimated again every so many epochs."""
    backbone = make("softmax", n_layers=2, quantile_k=3, quantile_every=2)
    matrix = oracles.dense_adjacency(pairs_of(small_graph()), 7, 9)
    units = F.normalize(oracles.average_layers(oracles.tensor(backbone.embeddings.detach()), [matrix] * 2)).numpy()
    expected = [sorted(units[7:] @ user, reverse=True)[2] for user in units[:7]]
    rng = np.random.default_rng(0)
    backbone.start_epoch(rng)
    oracles.assert_close(backbone.quantiles, np.array(expected), 1e-5)
    first = backbone.quantiles.clone()
    with torch.no_grad():
        backbone.embeddings.mul_(torch.rand(16, 5, generator=torch.Generator().manual_seed(0)))
    backbone.start_epoch(rng)
    assert torch.equal(backbone.quantiles, first)
    backbone.start_epoch(rng)
    assert not torch.equal(backbone.quantiles, first)
