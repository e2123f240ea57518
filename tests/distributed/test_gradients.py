"""What a rank makes of fetched rows: kernels and plain torch, which GPUs use, agree; and so do both ways to update."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from llminit.distributed.batches import LocalBatch, Negatives, local_batch
from llminit.distributed.history_work import HistoryWork
from llminit.distributed.rows import RowExchange, RowLister, Step, Wanted
from llminit.distributed.softmax_work import SoftmaxWork
from llminit.models.backbones.history import HistoryConfig
from llminit.models.backbones.softmax import SoftmaxConfig
from llminit.training.optimizer import Adam
from oracles import assert_close
from sample_graphs import small_graph, vectors

GRAPH = small_graph(3, 20, 15, 110)
WIDTH = 6


def batch_of(negatives: Negatives, *, sampled: bool = False) -> LocalBatch:
    """The second of three ranks' part of a batch in which users and items repeat."""
    rng = np.random.default_rng(1)
    users, items = GRAPH.edges
    chosen = rng.integers(0, len(users), 40)
    parts = [users[chosen], items[chosen] + GRAPH.n_users]
    parts += [rng.integers(GRAPH.n_users, GRAPH.n_nodes, 40)] if sampled else []
    return local_batch(np.stack(parts), 1, 3, negatives)


OPTIONS: list[dict[str, Any]] = [{}, {"log_q": 0.6, "sampled_negatives": True}, {"loss": "psl", "surrogate": "atan"}]


@pytest.mark.parametrize("negatives", ["rank", "shared"])
@pytest.mark.parametrize("options", OPTIONS)
def test_softmax(options: dict[str, Any], negatives: Negatives) -> None:
    """Loss and gradients of `softmax` are those of autograd, in a second call with other sizes too."""
    rng = np.random.default_rng(0)
    config = SoftmaxConfig(**options)
    offsets = vectors(rng, GRAPH.n_nodes) if config.log_q else np.empty(0, dtype=np.float32)
    work, lister = SoftmaxWork(config, offsets, WIDTH), RowLister(GRAPH.n_nodes, 3)
    whole = batch_of(negatives, sampled=config.sampled_negatives)
    for batch in (whole, LocalBatch(whole.users[:5], whole.columns[: max(5, len(whole.columns) - 20)], 1.0)):
        entries, _ = work.entries(batch)
        wanted = lister.wanted(entries)
        values = torch.from_numpy(vectors(rng, len(wanted.rows), WIDTH))
        shifts = offsets[wanted.rows] if len(offsets) else offsets
        loss, gradient = work.gradient(batch, None, wanted, values.clone())
        expected = work.in_torch(len(batch.users), wanted.index, shifts, values)
        assert loss == pytest.approx(float(expected[0]), rel=1e-5)
        assert_close(gradient, expected[1], 1e-5)


@pytest.mark.parametrize("negatives", ["rank", "shared"])
@pytest.mark.parametrize("options", [*OPTIONS, {"mask_history": False}])
def test_history(options: dict[str, Any], negatives: Negatives) -> None:
    """Loss and gradients of `history` are those of autograd, with a user who has several pairs in the batch."""
    rng = np.random.default_rng(0)
    config = HistoryConfig(**options)
    offsets = vectors(rng, GRAPH.n_items) if config.log_q else np.empty(0, dtype=np.float32)
    starts = GRAPH.indptr[: GRAPH.n_users + 1].astype(np.int64)
    work = HistoryWork(config, offsets, WIDTH, starts, GRAPH.edges[1])
    batch = batch_of(negatives, sampled=config.sampled_negatives)
    assert len(set(batch.users.tolist())) < len(batch.users)
    entries, histories = work.entries(batch)
    wanted = RowLister(GRAPH.n_items, 3).wanted(entries)
    values = torch.from_numpy(vectors(rng, len(wanted.rows), WIDTH))
    shifts = offsets[wanted.rows] if len(offsets) else offsets
    loss, gradient = work.gradient(batch, histories, wanted, values.clone())
    n_columns = len(batch.columns)
    expected = work.in_torch(wanted.index[:n_columns], wanted.index[n_columns:], histories, shifts, values)
    assert loss == pytest.approx(float(expected[0]), rel=1e-5)
    assert_close(gradient, expected[1], 1e-5)


class _Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.from_numpy(vectors(np.random.default_rng(2), 9, WIDTH)))


class _OneRank:
    """Sends everything to itself."""

    def exchange(self, sent: torch.Tensor, n_sent: Any, n_received: Any) -> torch.Tensor:
        return sent.clone()


def test_both_ways_to_update() -> None:
    """Rows whose gradients come from several ranks take the same step in a kernel and in torch, step after step."""
    tables, rng = [_Table(), _Table()], np.random.default_rng(3)
    optimizers = [Adam(table, 0.01) for table in tables]
    optimizers[1].deferred = None  # As on a GPU.
    places = torch.tensor([4, 1, 4, 7, 1, 0])
    step = Step(Wanted(places.numpy(), places.numpy(), [6]), places, [6])
    for _ in range(3):
        gradients = torch.from_numpy(vectors(rng, 6, WIDTH))
        for optimizer in optimizers:
            RowExchange(_OneRank(), optimizer).update(step, gradients)  # type: ignore[arg-type]
    assert [optimizer.steps for optimizer in optimizers] == [3, 3]
    assert_close(tables[0].embeddings.detach(), tables[1].embeddings.detach(), 1e-6)
