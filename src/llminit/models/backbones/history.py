"""Users from their history: a model without a user table, trained by sampled softmax as `softmax` is.

A user is the normalised sum of the normalised items of their history. In training the pair's own item is left out of
it, or an item would be recognised by itself; a pair of which nothing is left knows nothing of its user: all items are
as likely, and it changes no row by its user's part. Serving takes the whole history, and propagates users and items as
`softmax` does.
"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from llminit.arrays import FloatArray
from llminit.compiled.history import CompiledHistory
from llminit.graph import Adjacency
from llminit.models.backbone import BackboneConfig, Batch
from llminit.models.backbones.softmax import Softmax, SoftmaxConfig
from llminit.models.losses import sampled_softmax
from llminit.models.registry import BACKBONES


class HistoryConfig(SoftmaxConfig):
    """Hyper-parameters of history."""

    mask_history: bool = True
    """Items of the batch that are in a user's own history are no negatives of theirs."""


@BACKBONES.register
class History(Softmax):
    """Item rows alone: users are made of the items that they have."""

    name: ClassVar[str] = "history"
    relative_cost: ClassVar[float] = 2
    options_type: ClassVar[type[BackboneConfig]] = HistoryConfig
    has_user_table: ClassVar[bool] = False
    options: HistoryConfig
    _starts: torch.Tensor
    _histories: torch.Tensor

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        super().__init__(users, items, adjacency, options)
        # What the graph says is not saved in checkpoints.
        starts, histories = adjacency.indptr[: self.n_users + 1].astype(np.int64), adjacency.edges[1]
        self.register_buffer("_starts", torch.from_numpy(starts), persistent=False)
        self.register_buffer("_histories", torch.from_numpy(histories), persistent=False)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the mean cross-entropy of each pair's item among the batch's items.

        The gradient of the table is sparse: a step changes the rows of its batch's items and histories and no others.
        """
        columns = torch.cat([batch.positives, batch.negatives]) - self.n_users
        pairs, entries = self._entries(batch.users, columns[: len(batch.users)])
        distinct, index = torch.unique(torch.cat([columns, entries]), return_inverse=True)
        own, others = index[: len(columns)], index[len(columns) :]
        units = F.normalize(F.embedding(distinct, self.embeddings, sparse=True))
        lengths = torch.bincount(pairs, minlength=len(batch.users))
        users = F.embedding_bag(others, units, lengths.cumsum(0) - lengths, mode="sum")
        offsets = self._offsets.to(columns.device)[columns + self.n_users] if self.options.log_q else None
        left_out = None
        if self.options.mask_history:
            left_out = torch.zeros((len(batch.users), len(distinct)), dtype=torch.bool, device=columns.device)
            left_out[pairs, others] = True
            left_out = left_out[:, own]
        return sampled_softmax(users, units[own], columns, self.options.temperature, offsets, left_out)

    def compiled_loss(self) -> CompiledHistory:
        """Return the sampled softmax of users that are made of their histories, which has a compiled step."""
        offsets = self._offsets[self.n_users :] if self.options.log_q else torch.empty(0)
        starts, items, shifts = (tensor.cpu().numpy() for tensor in (self._starts, self._histories, offsets))
        return CompiledHistory(starts, items, shifts, self.options.temperature, self.options.mask_history)

    @torch.no_grad()
    def trained_units(self) -> torch.Tensor:
        """Return users and items at length 1: float32 of shape (n_nodes, d).

        A user without a history gets the mean user.
        """
        items = F.normalize(self.embeddings)
        users = F.normalize(F.embedding_bag(self._histories, items, self._starts[:-1], mode="sum"))
        users[self._starts.diff() == 0] = F.normalize(users.sum(dim=0), dim=0)
        return torch.cat([users, items])

    def _entries(self, users: torch.Tensor, items: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the histories of pairs without the pairs' own items: which pair, and which item."""
        starts = self._starts[users]
        counts = self._starts[users + 1] - starts
        pairs = torch.repeat_interleave(counts)
        within = torch.arange(len(pairs), device=users.device) - (counts.cumsum(0) - counts)[pairs]
        entries = self._histories[starts[pairs] + within]
        kept = entries != items[pairs]
        return pairs[kept], entries[kept]
