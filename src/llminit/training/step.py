"""The steps of one epoch: compiled for backbones with a compiled loss, otherwise by autograd."""

from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import numba
import torch
from threadpoolctl import threadpool_limits

from llminit.arrays import IntArray
from llminit.compiled.history import CompiledHistory, HistoryMemory, history_memory, history_steps
from llminit.compiled.softmax import CompiledSoftmax, SoftmaxMemory, softmax_memory, softmax_steps
from llminit.compiled.steps import CompiledLoss, StepMemory, is_on_disk, make_steps, step_memory
from llminit.models.backbone import Backbone, Batch
from llminit.training.optimizer import Adam

# Multiplications between two returns to Python, where a run can be interrupted: about one second.
_MAX_MULTIPLICATIONS = 2**32

RunSteps = Callable[[IntArray], float]
"""Makes one step per batch of triples and returns the sum of the losses.

Triples are int64 of shape (3, n): users, positives and negatives, as nodes; (2, n) without negatives.
"""


MakeSteps = Callable[[Backbone, Adam, int], RunSteps]
"""Returns what makes the steps of a backbone, from it, its optimiser and the batch size."""


def steps_of(backbone: Backbone, optimizer: Adam, batch_size: int) -> RunSteps:
    """Return the function that makes a backbone's steps.

    Args:
        backbone: Its parameters are changed in place.
        optimizer: The optimizer of these parameters; its moments are changed in place.
        batch_size: Triples per step.
    """
    loss = backbone.compiled_loss()
    # A compiled step trains the embeddings only, and does not know a `loss` that is set on the instance.
    is_whole = set(optimizer.parameters) == {optimizer.table} and "loss" not in vars(backbone)
    if loss is not None and is_whole and optimizer.deferred is not None:
        if isinstance(loss, CompiledSoftmax):
            return CompiledSoftmaxSteps(backbone, optimizer, batch_size, loss).run
        if isinstance(loss, CompiledHistory):
            return CompiledHistorySteps(backbone, optimizer, batch_size, loss).run
        return CompiledSteps(backbone, optimizer, batch_size, loss).run
    return lambda triples: _steps_in_torch(backbone, optimizer, batch_size, triples)


def are_compiled(backbone: Backbone) -> bool:
    """Return whether the machine code of a backbone's steps is on disk; True for one without compiled steps."""
    loss = backbone.compiled_loss()
    if loss is None:
        return True
    if isinstance(loss, CompiledSoftmax):
        return is_on_disk(softmax_steps)
    return is_on_disk(history_steps if isinstance(loss, CompiledHistory) else make_steps)


class CompiledSteps:
    """Makes the steps of a backbone in compiled code on the CPU.

    Args:
        backbone: Its embeddings are changed in place.
        optimizer: Its moments are changed in place.
        batch_size: Triples per step.
        loss: The value of `backbone.compiled_loss()`.
    """

    def __init__(self, backbone: Backbone, optimizer: Adam, batch_size: int, loss: CompiledLoss) -> None:
        self.backbone, self.optimizer, self.batch_size, self.loss = backbone, optimizer, batch_size, loss

    def run(self, triples: IntArray) -> float:
        """Make one step per batch and return the sum of the losses; see `RunSteps`."""
        # BLAS is limited to one thread: its threads would compete with the kernels' threads for the same cores.
        with threadpool_limits(1, user_api="blas"):
            return self._run(triples)

    def _run(self, triples: IntArray) -> float:
        optimizer, total, at_once = self.optimizer, 0.0, self._triples_at_once()
        for start in range(0, triples.shape[1], at_once):
            part = triples[:, start : start + at_once]
            total += make_steps(
                self.backbone.adjacency.compiled,
                part,
                self.batch_size,
                len(self.backbone.layers),
                self.loss,
                optimizer.state(optimizer.table),
                optimizer.steps,
                optimizer.learning_rate,
                self._memory,
                numba.get_num_threads(),
            )
            optimizer.steps += -(-part.shape[1] // self.batch_size)
        return total

    def _triples_at_once(self) -> int:
        graph = self.backbone.adjacency
        work_of_step = (len(graph.indices) + graph.n_nodes) * self.backbone.embeddings.shape[1]
        return max(1, _MAX_MULTIPLICATIONS // work_of_step) * self.batch_size

    @cached_property
    def _memory(self) -> StepMemory:
        n_nodes, width = self.backbone.embeddings.shape
        return step_memory(n_nodes, width, self.batch_size, len(self.backbone.layers))


class CompiledSoftmaxSteps:
    """Makes the steps of a backbone trained by sampled softmax in compiled code on the CPU.

    Args:
        backbone: Its embeddings are changed in place.
        optimizer: Its moments are changed in place.
        batch_size: Triples, or pairs, per step.
        loss: The value of `backbone.compiled_loss()`.
    """

    _make_steps: ClassVar[Callable[..., float]] = staticmethod(softmax_steps)

    def __init__(
        self, backbone: Backbone, optimizer: Adam, batch_size: int, loss: CompiledSoftmax | CompiledHistory
    ) -> None:
        self.backbone, self.optimizer, self.batch_size, self.loss = backbone, optimizer, batch_size, loss

    def run(self, triples: IntArray) -> float:
        """Make one step per batch and return the sum of the losses; see `RunSteps`."""
        optimizer, total = self.optimizer, 0.0
        # Each of the kernels' threads calls BLAS, whose own threads would compete with them.
        with threadpool_limits(1, user_api="blas"):
            for start in range(0, triples.shape[1], at_once := self._triples_at_once()):
                part = triples[:, start : start + at_once]
                total += self._make_steps(
                    part,
                    self.batch_size,
                    self.loss,
                    optimizer.state(optimizer.table),
                    optimizer.steps,
                    optimizer.learning_rate,
                    self._memory_for(part),
                    numba.get_num_threads(),
                )
                optimizer.steps += -(-part.shape[1] // self.batch_size)
        return total

    def _triples_at_once(self) -> int:
        work_of_step = 3 * self.batch_size**2 * self.backbone.embeddings.shape[1]
        return max(1, _MAX_MULTIPLICATIONS // work_of_step) * self.batch_size

    def _memory_for(self, part: IntArray) -> SoftmaxMemory | HistoryMemory:  # noqa: ARG002 - all steps need as much
        return self._memory

    @cached_property
    def _memory(self) -> SoftmaxMemory:
        return softmax_memory(*self._sizes)

    @property
    def _sizes(self) -> tuple[int, int, int, int]:
        """Rows of the table, its width, triples a step and parts of a triple."""
        n_parts = 3 if self.backbone.uses_negatives else 2
        return *self.backbone.embeddings.shape, self.batch_size, n_parts


class CompiledHistorySteps(CompiledSoftmaxSteps):
    """Makes the steps of a backbone whose users are made of their histories."""

    _make_steps: ClassVar[Callable[..., float]] = staticmethod(history_steps)
    loss: CompiledHistory
    _n_entries = -1

    def _memory_for(self, part: IntArray) -> HistoryMemory:
        n_entries = self.loss.n_entries(part[0], self.batch_size)
        if n_entries > self._n_entries:
            self._n_entries, self._history_memory = n_entries, history_memory(*self._sizes, n_entries)
        return self._history_memory


def _steps_in_torch(backbone: Backbone, optimizer: Adam, batch_size: int, triples: IntArray) -> float:
    device = backbone.embeddings.device
    total = torch.zeros((), device=device)
    parts = [torch.from_numpy(part).to(device) for part in triples]
    nothing = torch.empty(0, dtype=torch.int64, device=device)
    for start in range(0, triples.shape[1], batch_size):
        rows = [part[start : start + batch_size] for part in parts]
        loss = backbone.loss(Batch(*rows, *[nothing] * (3 - len(rows))))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach()
    return float(total)
