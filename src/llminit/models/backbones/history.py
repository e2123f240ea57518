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
from llminit.graph import Adjacency, propagate_weighted
from llminit.graph.adjacency import DEGREE_OFFSET
from llminit.models.backbone import BackboneConfig, Batch, HistoryRows
from llminit.models.registry import BACKBONES
from llminit.models.sampled_softmax import BatchRows, SampledSoftmax, dots
from llminit.models.softmax_options import LossConfig


class HistoryConfig(LossConfig):
    """Hyper-parameters of history."""

    mask_history: bool = True
    """Items of the batch that are in a user's own history are no negatives of theirs."""


@BACKBONES.register
class History(SampledSoftmax):
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

    def batch_rows(self, batch: Batch, columns: torch.Tensor) -> BatchRows:
        """Return the sums of the users' histories and the items' rows, all made of rows at length 1.

        The gradient of the table is sparse: a step changes the rows of its batch's items and histories and no others.
        """
        columns = columns - self.n_users
        pairs, entries = self._entries(batch.users, columns[: len(batch.users)])
        distinct, index = torch.unique(torch.cat([columns, entries]), return_inverse=True)
        own, others = index[: len(columns)], index[len(columns) :]
        trained = F.embedding(distinct, self.embeddings, sparse=True)
        units = F.normalize(trained)
        lengths = torch.bincount(pairs, minlength=len(batch.users))
        users = F.embedding_bag(others, units, lengths.cumsum(0) - lengths, mode="sum")
        left_out = None
        if self.options.mask_history:
            left_out = torch.zeros((len(batch.users), len(distinct)), dtype=torch.bool, device=columns.device)
            left_out[pairs, others] = True
            left_out = left_out[:, own]
        return BatchRows(users, units[own], trained, distinct, left_out)

    def own_cosines(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return the cosines of the training pairs, each with a user who is made without the pair's item.

        With S the sum of a user's items, all at length 1, that user is S - i, whose cosine with i is
        (S.i - 1) / |S - i|, and |S - i|^2 = |S|^2 - 2 S.i + 1.
        """
        sums = F.embedding_bag(self._histories, items, self._starts[:-1], mode="sum")
        lengths = torch.linalg.vector_norm(sums, dim=1)
        codes = torch.repeat_interleave(self._starts.diff())
        products = dots(sums, items, codes, self._histories)
        rest = (lengths[codes].square() - 2 * products + 1).clamp_min(0).sqrt()
        # Of a user with one item nothing is left: all cosines are 0.
        return torch.where(self._starts.diff()[codes] > 1, (products - 1) / rest.clamp_min(1e-12), 0.0)

    def compiled_loss(self) -> CompiledHistory | None:
        """Return the compiled step of the loss, or None if it has none."""
        if not self.options.has_compiled_step:
            return None
        offsets = self._offsets[self.n_users :] if self.options.log_q else torch.empty(0)
        starts, items, shifts = (tensor.cpu().numpy() for tensor in (self._starts, self._histories, offsets))
        mask, reweighting = self.options.mask_history, self.reweighting()
        return CompiledHistory(starts, items, shifts, self.options.temperature, mask, reweighting)

    @torch.no_grad()
    def trained_units(self) -> torch.Tensor:
        """Return users and items at length 1: float32 of shape (n_nodes, d).

        A user without a history gets the mean user.
        """
        items = F.normalize(self.embeddings)
        users = F.normalize(F.embedding_bag(self._histories, items, self._starts[:-1], mode="sum"))
        users[self._starts.diff() == 0] = F.normalize(users.sum(dim=0), dim=0)
        return torch.cat([users, items])

    @torch.no_grad()
    def history_rows(self) -> HistoryRows:
        """Return what makes a user of a history exactly as `final_embeddings` makes its own."""
        nodes, weights = self.trained_units(), self.serving_weights
        units, total = nodes[self.n_users :].clone(), torch.zeros_like(nodes)
        for index, weight in enumerate(weights):
            total.add_(nodes, alpha=weight)
            if index + 1 < len(weights):
                nodes = propagate_weighted(nodes, self.adjacency, (1.0,)) - nodes
        degrees = torch.from_numpy(np.diff(self.adjacency.indptr[self.n_users :]) + DEGREE_OFFSET).to(total)
        hops = total[self.n_users :] / degrees.sqrt()[:, None]
        return HistoryRows(units.cpu().numpy(), hops.cpu().numpy(), weights[0] if weights else 0.0)

    def _entries(self, users: torch.Tensor, items: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the histories of pairs without the pairs' own items: which pair, and which item."""
        starts = self._starts[users]
        counts = self._starts[users + 1] - starts
        pairs = torch.repeat_interleave(counts)
        within = torch.arange(len(pairs), device=users.device) - (counts.cumsum(0) - counts)[pairs]
        entries = self._histories[starts[pairs] + within]
        kept = entries != items[pairs]
        return pairs[kept], entries[kept]
