"""A backbone whose table is spread over the ranks, each of which holds every P-th row of it."""

from typing import Any

import numpy as np
import torch
from torch import nn

from llminit.arrays import FloatArray
from llminit.distributed.group import Group
from llminit.distributed.layout import RowLayout, collected, scattered
from llminit.distributed.watch import SharedWatch, Watch
from llminit.graph import Adjacency
from llminit.models.backbone import Backbone, Batch, HistoryRows


class ShardedTable(Backbone):
    """This rank's rows of a backbone, which trains them by steps of its own.

    Rank 0 beside it has the whole backbone, to which the rows are collected for every evaluation: that costs it the
    memory of a whole table and of its propagation.

    Args:
        group: The ranks.
        kind: The backbone.
        options: Its options.
        adjacency: The training graph, on every rank.
        width: d.
        whole: The backbone with its initial rows on rank 0; None on the others.
    """

    def __init__(
        self, group: Group, kind: type[Backbone], options: Any, adjacency: Adjacency, width: int, whole: Backbone | None
    ) -> None:
        # The base class would want the rows of all nodes.
        nn.Module.__init__(self)
        self.group, self.kind, self.options, self.adjacency = group, kind, options, adjacency
        self.name = kind.name  # type: ignore[misc]
        self.uses_negatives = options.sampled_negatives  # type: ignore[misc]
        self.has_user_table = kind.has_user_table  # type: ignore[misc]
        self.deferred = None
        # In a list, so that its rows do not count as parameters of this module.
        self._whole = [] if whole is None else [whole]
        self.layout = RowLayout((adjacency.n_nodes if kind.has_user_table else adjacency.n_items, width))
        rows = scattered(group, self.layout, None if whole is None else whole.embeddings.detach())
        self.embeddings = nn.Parameter(rows)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Not used: the steps fetch the rows of the other ranks first."""
        raise NotImplementedError

    def final_embeddings(self) -> tuple[FloatArray, FloatArray]:
        """Return the final embeddings of all users and items on rank 0, and empty ones on the others."""
        if not self._collect():
            return nothing(self.layout.shape[1])
        return self._whole[0].final_embeddings()

    def choose_serving(self, validate: Watch) -> dict[str, Any]:
        """Choose on rank 0 what training does not touch; see `Backbone`."""
        self._collect()
        measure = validate.measure if isinstance(validate, SharedWatch) else validate
        chosen: dict[str, Any] = self.group.from_first(lambda: self._whole[0].choose_serving(measure))
        return chosen

    def trained_rows(self) -> FloatArray | None:
        """Return all rows on rank 0, where they are after `final_embeddings`, and None on the others."""
        return self._whole[0].trained_rows() if self._whole else None

    def history_rows(self) -> HistoryRows | None:
        """Return what makes a user of a history on rank 0, and None on the others."""
        return self._whole[0].history_rows() if self._whole else None

    def _collect(self) -> bool:
        """Collect the rows on rank 0 and return whether this is it."""
        self.group.vitals.doing = "collecting the table"
        rows = collected(self.group, self.layout, self.embeddings.detach())
        if rows is None:
            return False
        self._whole[0].embeddings.data.copy_(rows)
        return True


def nothing(width: int) -> tuple[FloatArray, FloatArray]:
    """Return tables of no users and no items, for ranks that do not evaluate."""
    return np.empty((0, width), dtype=np.float32), np.empty((0, width), dtype=np.float32)
