"""The steps of an epoch over ranks: list rows, fetch them, make gradients, send them back, and Adam where rows live."""

from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from llminit.arrays import IntArray
from llminit.distributed.batches import LocalBatch, Negatives, local_batch
from llminit.distributed.gradients import Work
from llminit.distributed.history_work import HistoryWork
from llminit.distributed.rows import RowExchange, RowLister, Step, asked
from llminit.distributed.softmax_work import SoftmaxWork
from llminit.distributed.table import ShardedTable
from llminit.models.backbones.history import HistoryConfig
from llminit.models.sampled_softmax import log_popularity
from llminit.models.softmax_options import LossConfig
from llminit.training.optimizer import Adam
from llminit.training.step import RunSteps

_STEPS_AT_ONCE = 32
"""Steps whose rows are asked for together."""


class ShardedSteps:
    """Makes the steps of a backbone whose rows are spread over the ranks.

    Args:
        backbone: This rank's rows.
        optimizer: Their optimiser.
        batch_size: Pairs of all ranks' parts of a step together.
        negatives: What a pair's item is compared with.
    """

    def __init__(self, backbone: ShardedTable, optimizer: Adam, batch_size: int, negatives: Negatives) -> None:
        self.group, self.batch_size, self.negatives = backbone.group, batch_size, negatives
        self.work = work_of(backbone)
        self._lister = RowLister(backbone.layout.shape[0], self.group.size)
        self._exchange = RowExchange(self.group, optimizer)

    def run(self, triples: IntArray) -> float:
        """Make one step per batch and return the sum of the losses; see `RunSteps`."""
        group, total = self.group, 0.0
        group.vitals.doing = "training"
        n_at_once = self.batch_size * _STEPS_AT_ONCE
        # Each of the kernels' threads calls BLAS, whose own threads would compete with them.
        with threadpool_limits(1, user_api="blas"):
            for start in range(0, triples.shape[1], n_at_once):
                part = triples[:, start : start + n_at_once]
                batches = [
                    local_batch(part[:, first : first + self.batch_size], group.rank, group.size, self.negatives)
                    for first in range(0, part.shape[1], self.batch_size)
                ]
                entries = [self.work.entries(batch) for batch in batches]
                steps = asked(group, [self._lister.wanted(rows) for rows, _ in entries])
                for batch, (_, extra), step in zip(batches, entries, steps, strict=True):
                    total += float(self._step(batch, extra, step))
        return float(group.total(torch.tensor([total], dtype=torch.float64, device=group.device)))

    def _step(self, batch: LocalBatch, extra: Any, step: Step) -> float | torch.Tensor:
        """Make one step and return this rank's share of its loss."""
        values = self._exchange.fetch(step)
        if not batch.weight:
            self._exchange.update(step, values)
            return 0.0
        loss, gradients = self.work.gradient(batch, extra, step.wanted, values)
        # The loss of all is the mean over pairs, and each rank's is that over its own.
        self._exchange.update(step, gradients.mul_(batch.weight))
        return loss * batch.weight


def work_of(backbone: ShardedTable) -> Work:
    """Return what a backbone does with a part of a batch: that of `softmax` with user rows, else that of `history`."""
    options, adjacency, width = backbone.options, backbone.adjacency, backbone.layout.shape[1]
    if not isinstance(options, LossConfig):
        raise TypeError(f"{backbone.name} has no loss that is trained by rows, expected softmax or history")
    weight = np.float32(options.log_q)
    offsets = log_popularity(adjacency) * weight if options.log_q else np.empty(0, dtype=np.float32)
    if not isinstance(options, HistoryConfig):
        return SoftmaxWork(options, offsets, width)
    starts = adjacency.indptr[: adjacency.n_users + 1].astype(np.int64)
    return HistoryWork(options, offsets[adjacency.n_users :], width, starts, adjacency.edges[1])


def sharded_steps(negatives: Negatives) -> Any:
    """Return what makes the steps of a `ShardedTable`, as `train` takes it."""

    def make(backbone: ShardedTable, optimizer: Adam, batch_size: int) -> RunSteps:
        return ShardedSteps(backbone, optimizer, batch_size, negatives).run

    return make
