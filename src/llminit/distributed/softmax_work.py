"""What `softmax` does with a part of a batch: the rows of its users and of the items they are compared with."""

import numba
import numpy as np
import torch

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.sharded import GRADIENT_ONLY
from llminit.compiled.softmax import SoftmaxMemory, softmax_memory, softmax_step
from llminit.distributed.batches import LocalBatch
from llminit.distributed.gradients import GradientMemory, loss_of, scores_of
from llminit.distributed.rows import Wanted
from llminit.models.sampled_softmax import reweighting_of
from llminit.models.softmax_options import LossConfig

_NONE = np.empty(0, dtype=np.float32)


class SoftmaxWork:
    """The work of `softmax`; rows are nodes.

    Args:
        options: The options of the loss.
        offsets: float32 of shape (n_nodes,), taken from the logits of items; or of shape (0,).
        width: d.
    """

    def __init__(self, options: LossConfig, offsets: FloatArray, width: int) -> None:
        self.options, self.offsets, self.width = options, offsets, width
        self.reweighting = reweighting_of(options, _NONE, np.empty((0, width), dtype=np.float32))
        self._gradients = GradientMemory(width)
        self._memory: SoftmaxMemory | None = None

    def entries(self, batch: LocalBatch) -> tuple[IntArray, None]:
        """Return the nodes of users and columns; see `Work`."""
        return np.concatenate([batch.users, batch.columns]), None

    def gradient(
        self,
        batch: LocalBatch,
        extra: None,  # noqa: ARG002 - the rows say all
        wanted: Wanted,
        values: torch.Tensor,
    ) -> tuple[float | torch.Tensor, torch.Tensor]:
        """Return the loss and the gradient of the rows; see `Work`."""
        offsets = self.offsets[wanted.rows] if len(self.offsets) else _NONE
        make = self.compiled if values.device.type == "cpu" else self.in_torch
        return make(len(batch.users), wanted.index, offsets, values)

    def in_torch(
        self, n_pairs: int, index: IntArray, offsets: FloatArray, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss and the gradient by autograd, on any device."""
        places = torch.from_numpy(index).to(values.device)
        values = values.detach().requires_grad_()
        rows = values[places]
        scores = scores_of(rows[:n_pairs], rows[n_pairs:], places[n_pairs:], offsets, None)
        loss = loss_of(self.options, scores)
        return loss.detach(), torch.autograd.grad(loss, values)[0]

    def compiled(
        self, n_pairs: int, index: IntArray, offsets: FloatArray, values: torch.Tensor
    ) -> tuple[float, torch.Tensor]:
        """Return the loss and the gradient by the kernels of one process; the next call overwrites the gradient."""
        state, memory = self._gradients.state(values), self._memory_for(n_pairs, len(index), len(values))
        temperature, n_threads = np.float32(self.options.temperature), numba.get_num_threads()
        loss = softmax_step(
            index, n_pairs, offsets, temperature, self.reweighting, state, GRADIENT_ONLY, memory, n_threads
        )
        return float(loss), torch.from_numpy(state.mean)

    def _memory_for(self, n_pairs: int, n_entries: int, n_rows: int) -> SoftmaxMemory:
        memory = self._memory
        n_columns = n_entries - n_pairs
        if memory is None or n_pairs > len(memory.logits) or n_columns > memory.logits.shape[1]:
            n_parts = 1 + -(-n_columns // n_pairs)
            self._memory = memory = softmax_memory(max(n_rows, n_parts * n_pairs), self.width, n_pairs, n_parts)
        return memory
