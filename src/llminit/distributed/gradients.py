"""The loss of a rank's part of a batch, and the gradient of every fetched row, by the kernels that one process uses.

A work knows one backbone: which rows a part of a batch needs, and what to make of them. `softmax_work.py` and
`history_work.py` have those of the two backbones whose steps touch the rows of their batch alone.
"""

from typing import Any, Protocol

import numpy as np
import torch

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState
from llminit.distributed.batches import LocalBatch
from llminit.distributed.rows import Wanted
from llminit.models.softmax_losses import PairScores, pair_scores, pairwise_softmax, softmax
from llminit.models.softmax_options import LossConfig


class Work(Protocol):
    """What a backbone does with a part of a batch."""

    def entries(self, batch: LocalBatch) -> tuple[IntArray, Any]:
        """Return the rows that a part needs, some perhaps several times, and what `gradient` needs to know of them."""

    def gradient(
        self, batch: LocalBatch, extra: Any, wanted: Wanted, values: torch.Tensor
    ) -> tuple[float | torch.Tensor, torch.Tensor]:
        """Return the mean loss of a part's pairs, and its gradient with respect to the fetched rows.

        Args:
            batch: The part; it is not empty.
            extra: The second result of `entries`.
            wanted: Which rows were fetched.
            values: float32 of shape (n, d), these rows.
        """


class GradientMemory:
    """What stands in the place of Adam's moments, so that a step's kernel leaves gradients; it grows as needed."""

    def __init__(self, width: int) -> None:
        self._arrays = np.zeros((2, 0, width), dtype=np.float32)

    def state(self, values: torch.Tensor) -> AdamState:
        """Return a state of the fetched rows whose `mean` will be their gradients."""
        n_rows, width = values.shape
        if self._arrays.shape[1] < n_rows:
            self._arrays = np.zeros((2, n_rows + n_rows // 4, width), dtype=np.float32)
        return AdamState(values.numpy(), self._arrays[0, :n_rows], self._arrays[1, :n_rows])


def loss_of(options: LossConfig, scores: PairScores) -> torch.Tensor:
    """Return the mean loss of pairs; see `llminit.models.softmax_losses`.

    Args:
        options: Which loss.
        scores: The pairs' cosines.
    """
    if options.loss == "psl":
        return pairwise_softmax(scores, options.temperature, options.surrogate)
    return softmax(scores, options.temperature)


def scores_of(
    users: torch.Tensor, columns: torch.Tensor, items: torch.Tensor, offsets: FloatArray, left_out: torch.Tensor | None
) -> PairScores:
    """Return the cosines of a part's users with its columns; an empty `offsets` takes nothing."""
    shifts = torch.from_numpy(offsets).to(users.device)[items] if len(offsets) else None
    return pair_scores(users, columns, items, shifts, left_out)
