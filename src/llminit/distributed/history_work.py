"""What `history` does with a part of a batch: the rows of its items and of all items in its users' histories."""

from typing import NamedTuple

import numba
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.history import CompiledHistory, HistoryMemory, history_memory, history_step
from llminit.compiled.sharded import GRADIENT_ONLY
from llminit.distributed.batches import LocalBatch
from llminit.distributed.gradients import GradientMemory, loss_of, scores_of
from llminit.distributed.rows import Wanted
from llminit.models.backbones.history import HistoryConfig
from llminit.models.sampled_softmax import reweighting_of

_NONE = np.empty(0, dtype=np.float32)


class Histories(NamedTuple):
    """The histories of a part's distinct users.

    Attributes:
        users: int64 of shape (n,), which of the distinct users each pair has.
        starts: int64 of shape (n_distinct + 1,), where each one's items begin, after the columns.
    """

    users: IntArray
    starts: IntArray


class HistoryWork:
    """The work of `history`; rows are item codes.

    Args:
        options: The options of the backbone.
        offsets: float32 of shape (n_items,), taken from the logits; or of shape (0,).
        width: d.
        starts: int64 of shape (n_users + 1,), where each user's history begins.
        items: int64 of shape (n_interactions,), item codes.
    """

    def __init__(
        self, options: HistoryConfig, offsets: FloatArray, width: int, starts: IntArray, items: IntArray
    ) -> None:
        self.options, self.offsets, self.width = options, offsets, width
        self.starts, self.items = starts, items
        self.reweighting = reweighting_of(options, _NONE, np.empty((0, width), dtype=np.float32))
        self._gradients = GradientMemory(width)
        self._memory: HistoryMemory | None = None

    def entries(self, batch: LocalBatch) -> tuple[IntArray, Histories]:
        """Return the codes of the columns, then of the histories' items; see `Work`."""
        distinct, users = np.unique(batch.users, return_inverse=True)
        counts = self.starts[distinct + 1] - self.starts[distinct]
        starts = np.concatenate([[0], np.cumsum(counts)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[distinct] - starts[:-1], counts)
        columns = batch.columns - (len(self.starts) - 1)
        return np.concatenate([columns, self.items[places]]), Histories(users.astype(np.int64), starts)

    def gradient(
        self, batch: LocalBatch, extra: Histories, wanted: Wanted, values: torch.Tensor
    ) -> tuple[float | torch.Tensor, torch.Tensor]:
        """Return the loss and the gradient of the rows; see `Work`."""
        offsets, n_columns = self.offsets[wanted.rows] if len(self.offsets) else _NONE, len(batch.columns)
        columns, items = wanted.index[:n_columns], wanted.index[n_columns:]
        make = self.compiled if values.device.type == "cpu" else self.in_torch
        return make(columns, items, extra, offsets, values)

    def compiled(
        self, columns: IntArray, items: IntArray, histories: Histories, offsets: FloatArray, values: torch.Tensor
    ) -> tuple[float, torch.Tensor]:
        """Return the loss and the gradient by the kernels of one process; the next call overwrites the gradient."""
        options, (users, starts) = self.options, histories
        loss_function = CompiledHistory(
            starts, items, offsets, options.temperature, options.mask_history, self.reweighting
        )
        state, memory = self._gradients.state(values), self._memory_for(loss_function, users, len(columns))
        reweighting, n_threads = self.reweighting, numba.get_num_threads()
        loss = history_step(users, columns, loss_function, reweighting, state, GRADIENT_ONLY, memory, n_threads)
        return float(loss), torch.from_numpy(state.mean)

    def _memory_for(self, histories: CompiledHistory, users: IntArray, n_columns: int) -> HistoryMemory:
        n_pairs, n_entries, memory = len(users), histories.n_entries(users, len(users)), self._memory
        n_parts = 1 + -(-n_columns // n_pairs)
        if (
            memory is None
            or n_pairs > len(memory.softmax.logits)
            or n_columns > memory.softmax.logits.shape[1]
            or n_entries + n_columns > len(memory.rows)
        ):
            n_entries += n_entries // 4
            n_rows = n_entries + n_parts * n_pairs
            self._memory = memory = history_memory(n_rows, self.width, n_pairs, n_parts, n_entries)
        return memory

    def in_torch(
        self, columns: IntArray, items: IntArray, histories: Histories, offsets: FloatArray, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss and the gradient by autograd, on any device."""
        device, (users, starts) = values.device, histories
        counts = np.diff(starts)[users]
        pairs = np.repeat(np.arange(len(users)), counts)
        within = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
        others = items[starts[users][pairs] + within]
        kept = others != columns[pairs]
        pairs_on, others_on, columns_on = (
            torch.from_numpy(array).to(device) for array in (pairs[kept], others[kept], columns)
        )
        values = values.detach().requires_grad_()
        units = F.normalize(values)
        lengths = torch.bincount(pairs_on, minlength=len(users))
        sums = F.embedding_bag(others_on, units, lengths.cumsum(0) - lengths, mode="sum")
        left_out = None
        if self.options.mask_history:
            left_out = torch.zeros((len(users), len(values)), dtype=torch.bool, device=device)
            left_out[pairs_on, others_on] = True
            left_out = left_out[:, columns_on]
        loss = loss_of(self.options, scores_of(sums, units[columns_on], columns_on, offsets, left_out))
        return loss.detach(), torch.autograd.grad(loss, values)[0]
