"""Training over ranks: shared negatives give the trajectory of one process, those of a rank the one that was meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.distributed.group import Group
from llminit.distributed.job import follow, release, train_over_ranks
from llminit.distributed.ranks import Ranks
from llminit.models import BACKBONES
from llminit.models.backbone import Backbone
from llminit.training import TrainingResult, train
from rank_processes import on_ranks
from sample_graphs import small_graph, vectors

CONFIG = TrainingConfig(epochs=3, train_batch_size=20, learning_rate=0.01, patience=9)
N_USERS, N_ITEMS = 30, 25

CASES: list[tuple[str, dict[str, Any]]] = [
    ("softmax", {}),
    ("softmax", {"log_q": 0.7, "sampled_negatives": True}),
    ("softmax", {"loss": "psl"}),
    ("history", {}),
    ("history", {"log_q": 0.5, "loss": "psl", "sampled_negatives": True}),
    ("lightgcn", {}),
    ("mf", {"reg_weight": 0.01}),
    ("sgcl", {}),
]


def fresh(name: str, options: dict[str, Any]) -> Backbone:
    rng = np.random.default_rng(5)
    graph = small_graph(1, N_USERS, N_ITEMS, 190)
    kind = BACKBONES[name]
    return kind(vectors(rng, N_USERS, 8), vectors(rng, N_ITEMS, 8), graph, kind.options_type.make(**options))


def measured(users: FloatArray, items: FloatArray) -> float:
    """A metric that depends on the tables a little."""
    return float(np.abs(users).sum() + np.abs(items[::2]).sum())


def run(group: Group, name: str, options: dict[str, Any], negatives: Any) -> TrainingResult | None:
    if group.rank:
        follow(group)
        return None
    result = train_over_ranks(Ranks(group, negatives), fresh(name, options), CONFIG, measured, seed=4)
    release(group)
    return result


def cases_on_ranks(group: Group, negatives: Any) -> list[TrainingResult | None]:
    return [run(group, name, options, negatives) for name, options in CASES]


def assert_close(result: TrainingResult, expected: TrainingResult) -> None:
    for table, other in ((result.users, expected.users), (result.items, expected.items)):
        np.testing.assert_allclose(table, other, rtol=2e-4, atol=2e-5)
    assert result.best_epoch == expected.best_epoch
    assert result.n_parameters == expected.n_parameters
    assert result.options == expected.options
    losses = [[record.loss for record in training.history] for training in (result, expected)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_shared_negatives_give_the_trajectory_of_one_process(size: int, tmp_path: Path) -> None:
    """P ranks end where one process does, within float32 rounding, after epochs of steps with a short last one."""
    results = on_ranks(size, tmp_path, cases_on_ranks, "shared")[0]
    for (name, options), result in zip(CASES, results, strict=True):
        assert_close(result, train(fresh(name, options), CONFIG, measured, seed=4))


def blockwise(name: str, options: dict[str, Any], size: int) -> TrainingResult:
    """Train in one process by the mean of the losses of the ranks' parts, each computed on its own."""
    backbone = fresh(name, options)
    whole_loss = type(backbone).loss

    def loss(batch: Any) -> torch.Tensor:
        n_pairs, losses = len(batch.users), []
        for rank in range(size):
            part = slice(rank * n_pairs // size, (rank + 1) * n_pairs // size)
            own = type(batch)(*(rows[part] for rows in batch))
            losses.append(whole_loss(backbone, own) * (len(own.users) / n_pairs))
        return torch.stack(losses).sum()

    backbone.loss = loss  # type: ignore[method-assign]
    return train(backbone, CONFIG, measured, seed=4)


def test_negatives_of_a_rank_are_those_of_its_part_of_the_batch(tmp_path: Path) -> None:
    """By default the loss is the mean over pairs, each compared with the items of its rank's run of the batch."""
    results = on_ranks(3, tmp_path, cases_on_ranks, "rank")[0]
    for (name, options), result in zip(CASES[:5], results, strict=False):
        assert_close(result, blockwise(name, options, 3))
