"""The paper's graph backbones, each rank with some columns of every row.

Propagation treats columns independently, and so does Adam: a rank propagates its own columns over the whole graph, and
only sums of products travel, of which a batch has few. All ranks make the same loss of the sums, so that the gradient
of a sum is that of each rank's part of it.
"""

from typing import Any

import numpy as np
import torch

from llminit.arrays import FloatArray
from llminit.compiled.bpr import BPR_GAMMA
from llminit.distributed.group import Group
from llminit.distributed.layout import ColumnLayout, collected, scattered
from llminit.distributed.table import nothing
from llminit.graph import Adjacency
from llminit.models.backbone import Backbone, Batch
from llminit.models.backbones.lightgcn import LightGCN
from llminit.models.backbones.mf import MatrixFactorization
from llminit.models.backbones.sgcl import SGCL
from llminit.models.bpr import BPRBackbone

_LEAST_SQUARE = 1e-24
"""A squared length below this counts as this, and has no gradient."""


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, group: Group) -> torch.Tensor:  # noqa: ARG004
        return group.total(part.clone())

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ARG004
        return gradient, None


def over_ranks(part: torch.Tensor, group: Group) -> torch.Tensor:
    """Return the sum of a tensor over all ranks, of which each makes the same loss."""
    total: torch.Tensor = _Sum.apply(part, group)  # type: ignore[no-untyped-call]
    return total


class _Columns:
    """Mixed into a backbone: its columns are spread over the ranks."""

    group: Group
    layout: ColumnLayout

    def final_embeddings(self) -> tuple[FloatArray, FloatArray]:
        """Return the final embeddings of all users and items on rank 0, and empty ones on the others."""
        users, items = super().final_embeddings()  # type: ignore[misc]
        nodes = self._collected(torch.from_numpy(np.concatenate([users, items])))
        if nodes is None:
            return nothing(self.layout.shape[1])
        return nodes[: len(users)], nodes[len(users) :]

    def trained_rows(self) -> FloatArray | None:
        """Return all rows on rank 0, and None on the others."""
        return self._collected(self.embeddings.detach())  # type: ignore[attr-defined]

    def _collected(self, own: torch.Tensor) -> FloatArray | None:
        self.group.vitals.doing = "collecting the table"
        nodes = collected(self.group, self.layout, own.to(self.group.device))
        return None if nodes is None else nodes.numpy()


class _BPRColumns(_Columns, BPRBackbone):
    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss of `BPRBackbone`, of sums over all columns."""
        trained, (users, positives, negatives) = self.rows(*batch)
        norms = torch.stack([part.square().sum() for part in trained])
        margins = (users * (positives - negatives)).sum(dim=1)
        total = over_ranks(torch.cat([margins, norms]), self.group)
        loss = -torch.log(BPR_GAMMA + torch.sigmoid(total[:-3])).mean()
        return (
            loss + self.options.reg_weight * total[-3:].clamp_min(_LEAST_SQUARE).sqrt().sum() / len(users)
            if self.options.reg_weight
            else loss
        )


class LightGCNColumns(_BPRColumns, LightGCN):
    """LightGCN by columns; a step sends a number for each triple."""


class MatrixFactorizationColumns(_BPRColumns, MatrixFactorization):
    """BPR-MF by columns."""


class SGCLColumns(_Columns, SGCL):
    """SGCL by columns; a step sends two matrices of batch by batch."""

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss of `SGCL`, of the products of all rows of the batch."""
        _, (users, items) = self.rows(batch.users, batch.positives)
        parts = [users @ users.T, items @ items.T, (users * items).sum(dim=1)[None]]
        total = over_ranks(torch.cat(parts), self.group)
        of_users, of_items, own = total[: len(users)], total[len(users) : -1], total[-1]
        lengths = [products.diagonal().clamp_min(_LEAST_SQUARE).sqrt() for products in (of_users, of_items)]
        cosines = [
            products / (norms[:, None] * norms) for products, norms in zip((of_users, of_items), lengths, strict=True)
        ]
        temperature = self.options.temperature
        totals = sum(((matrix - 1) / temperature).exp().sum(dim=1) for matrix in cosines)
        shifted = (1 - own / (lengths[0] * lengths[1])) / temperature
        return (torch.log(torch.as_tensor(totals)) + shifted).sum()


COLUMN_KINDS: dict[type[Backbone], type[Backbone]] = {
    LightGCN: LightGCNColumns,
    MatrixFactorization: MatrixFactorizationColumns,
    SGCL: SGCLColumns,
}
"""The backbones that are trained by columns, and their forms."""


def by_columns(
    group: Group, kind: type[Backbone], options: Any, adjacency: Adjacency, width: int, rows: torch.Tensor | None
) -> Backbone:
    """Return this rank's columns of a backbone.

    Args:
        group: The ranks.
        kind: The backbone, one of `COLUMN_KINDS`.
        options: Its options.
        adjacency: The training graph, on every rank.
        width: d, at least the number of ranks.
        rows: float32 of shape (n_nodes, d), the initial embeddings on rank 0; None on the others.
    """
    layout = ColumnLayout((adjacency.n_nodes, width))
    own = scattered(group, layout, rows).cpu().numpy()
    backbone = COLUMN_KINDS[kind](own[: adjacency.n_users], own[adjacency.n_users :], adjacency, options)
    backbone.group, backbone.layout = group, layout  # type: ignore[assignment]
    return backbone
