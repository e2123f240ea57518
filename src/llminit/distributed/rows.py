"""Rows of a table that is spread over ranks: asked for by their numbers, fetched, and updated where they live.

Which rows the next steps need follows from the data alone, so the numbers of many steps travel together; rows and
gradients travel in every step, because each step changes what the next one reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import adam_constants
from llminit.compiled.graph import ABSENT
from llminit.compiled.sharded import list_rows, update_rows
from llminit.distributed.group import Group
from llminit.training.optimizer import Adam


@dataclass(frozen=True, eq=False)
class Wanted:
    """The distinct rows that this rank needs in a step.

    Attributes:
        rows: int64 of shape (n,), numbers of the whole table, those of rank 0 first.
        index: int64 of shape (n_entries,), the place among them of each entry of the batch.
        counts: How many are on each rank.
    """

    rows: IntArray
    index: IntArray
    counts: list[int]


@dataclass(frozen=True, eq=False)
class Step:
    """The rows of one step.

    Attributes:
        wanted: What this rank needs.
        places: int64 of shape (m,), which of this rank's rows the ranks need, rank 0's needs first.
        counts: How many of them each rank needs.
    """

    wanted: Wanted
    places: torch.Tensor
    counts: list[int]


class RowLister:
    """Lists the distinct rows of batches.

    Args:
        n_rows: Rows of the whole table.
        n_ranks: Number of ranks.
    """

    def __init__(self, n_rows: int, n_ranks: int) -> None:
        self.n_ranks, self._position = n_ranks, np.full(n_rows, ABSENT)

    def wanted(self, entries: IntArray) -> Wanted:
        """Return the distinct rows of a batch's entries: int64 of shape (n_entries,)."""
        rows, index, counts = np.empty_like(entries), np.empty_like(entries), np.empty(self.n_ranks, dtype=np.int64)
        n_rows = list_rows(entries, self.n_ranks, self._position, rows, index, counts)
        return Wanted(rows[:n_rows], index, counts.tolist())


def asked(group: Group, wanted: Sequence[Wanted]) -> list[Step]:
    """Tell all ranks which rows this one needs in the next steps, and learn which of its own they need.

    Args:
        group: The ranks.
        wanted: The rows of each step; all ranks ask for equally many steps.
    """
    size, n_steps = group.size, len(wanted)
    counts = torch.tensor([step.counts for step in wanted]).T.contiguous().to(group.device)
    theirs = group.exchange(counts.reshape(-1), [n_steps] * size, [n_steps] * size).reshape(size, n_steps).cpu().numpy()
    ends = [np.cumsum([0, *step.counts]) for step in wanted]
    numbers = [
        step.rows[end[rank] : end[rank + 1]] for rank in range(size) for step, end in zip(wanted, ends, strict=True)
    ]
    n_sent, n_received = counts.sum(dim=1).tolist(), theirs.sum(axis=1).tolist()
    sent = torch.from_numpy(np.concatenate(numbers) // size).to(group.device)
    places = group.exchange(sent, n_sent, n_received)
    starts = np.cumsum(theirs.reshape(-1)) - theirs.reshape(-1)
    runs = [
        [places[start : start + count] for start, count in zip(starts.reshape(size, -1)[:, step], of_step, strict=True)]
        for step, of_step in enumerate(theirs.T)
    ]
    return [
        Step(step, torch.cat(run), of_step.tolist()) for step, run, of_step in zip(wanted, runs, theirs.T, strict=True)
    ]


class RowExchange:
    """Fetches the rows of a step and takes Adam's step for them.

    Args:
        group: The ranks.
        optimizer: The optimiser of this rank's rows.
    """

    def __init__(self, group: Group, optimizer: Adam) -> None:
        self.group, self.optimizer = group, optimizer
        self.table = optimizer.parameters[optimizer.table]
        self.is_compiled = optimizer.deferred is not None
        self._position = np.full(len(self.table), ABSENT)
        self._memory = np.empty((3, 0), dtype=np.int32)

    def fetch(self, step: Step) -> torch.Tensor:
        """Return the rows that this rank needs: float32 of shape (n, d), in the order of `step.wanted.rows`."""
        rows = self.table.detach().index_select(0, step.places)
        return self.group.exchange(rows, step.counts, step.wanted.counts)

    def update(self, step: Step, gradients: torch.Tensor) -> None:
        """Send the gradients of the fetched rows to where these live, and take one step there.

        Args:
            step: The step whose rows were fetched.
            gradients: float32 of shape (n, d), of the global loss; changed rows of each rank are added up by rank.
        """
        received = self.group.exchange(gradients, step.wanted.counts, step.counts)
        if self.is_compiled:
            self.optimizer.steps += 1
            self._update_compiled(step.places.numpy(), received.numpy())
        else:
            shape = self.table.shape
            self.table.grad = torch.sparse_coo_tensor(step.places[None], received, shape, check_invariants=False)
            self.optimizer.step()

    def _update_compiled(self, places: IntArray, gradients: FloatArray) -> None:
        if self._memory.shape[1] < len(places):
            self._memory = np.empty((3, len(places)), dtype=np.int32)
        optimizer = self.optimizer
        constants = adam_constants(optimizer.steps, optimizer.learning_rate)
        state, n_threads = optimizer.state(optimizer.table), numba.get_num_threads()
        update_rows(places, gradients, state, constants, self._position, self._memory, n_threads)
