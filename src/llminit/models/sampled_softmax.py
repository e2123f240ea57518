"""The base class of backbones that are trained by the softmax over a batch's items, or by one of its relatives.

A subclass says which rows a batch has and how its users and items are made of them; the loss, the temperature, the
quantiles of SL@K and the anchor are the same for all.
"""

import math
from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from llminit.arrays import FloatArray
from llminit.compiled import reweighted
from llminit.compiled.reweighted import Reweighting
from llminit.graph import Adjacency
from llminit.models.backbone import Backbone, BackboneConfig, Batch
from llminit.models.hops import HopBackbone
from llminit.models.quantiles import top_k_quantiles
from llminit.models.softmax_losses import (
    PairScores,
    Temperature,
    anchor,
    bilateral_softmax,
    directau,
    pair_scores,
    pairwise_softmax,
    softmax,
    softmax_at_k,
)
from llminit.models.softmax_options import TEMPERATURES, LossConfig

_PAIRS_AT_ONCE = 2**18

_KINDS = {
    "softmax": reweighted.SOFTMAX,
    "sl@k": reweighted.SL_AT_K,
    "bsl": reweighted.BSL,
    "psl-tanh": reweighted.PSL_TANH,
    "psl-atan": reweighted.PSL_ATAN,
    "psl-relu": reweighted.PSL_RELU,
}


class BatchRows(NamedTuple):
    """The rows that a batch's loss is made of.

    Attributes:
        users: Shape (batch_size, d).
        columns: Shape (n_columns, d); the first batch_size are the users' own items.
        trained: Shape (n, d), all rows of the table that the batch touches.
        nodes: int64 of shape (n,), which rows these are, some perhaps several times.
        left_out: bool of shape (batch_size, n_columns), columns that are no negatives, beside repeated items; or None.
    """

    users: torch.Tensor
    columns: torch.Tensor
    trained: torch.Tensor
    nodes: torch.Tensor
    left_out: torch.Tensor | None = None


class SampledSoftmax(HopBackbone):
    """Users and items at length 1, trained by what a batch's users score the batch's items with."""

    options_type: ClassVar[type[BackboneConfig]] = LossConfig
    uses_negatives: ClassVar[bool] = False
    options: LossConfig
    _loss_methods: ClassVar[frozenset[str]] = Backbone._loss_methods | {"batch_rows"}  # noqa: SLF001 - its subclass
    quantiles: torch.Tensor
    epochs_begun: torch.Tensor
    start_units: torch.Tensor

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        super().__init__(users, items, adjacency, options)
        self.uses_negatives = self.options.sampled_negatives  # type: ignore[misc]
        self._offsets = torch.from_numpy(log_popularity(adjacency) * np.float32(self.options.log_q))
        if self.options.learn_temperature:
            self.log_temperature = nn.Parameter(torch.tensor(math.log(self.options.temperature)))
        if self.options.loss == "sl@k":
            self.register_buffer("quantiles", torch.zeros(self.n_users))
            self.register_buffer("epochs_begun", torch.zeros((), dtype=torch.int64))
        if self.options.anchor_weight:
            # Every run starts from the same rows, so checkpoints need not hold them.
            self.register_buffer("start_units", F.normalize(self.embeddings.detach()), persistent=False)

    @abstractmethod
    def batch_rows(self, batch: Batch, columns: torch.Tensor) -> BatchRows:
        """Return the rows of a batch.

        Args:
            batch: The batch.
            columns: int64 of shape (n_columns,), the nodes of its items: the positives, then the negatives.
        """

    @abstractmethod
    def own_cosines(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the cosines of the training pairs as the loss sees them, float32 of shape (n_interactions,).

        Args:
            users: float32 of shape (n_users, d), at length 1.
            items: float32 of shape (n_items, d), at length 1.
        """

    def start_epoch(self, rng: np.random.Generator) -> None:
        """Estimate the quantiles of SL@K, in the first epoch and in every `quantile_every`-th after it."""
        if self.options.loss != "sl@k":
            return
        if int(self.epochs_begun) % self.options.quantile_every == 0:
            self.quantiles.copy_(self._estimated_quantiles(rng))
        self.epochs_begun += 1

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss that the options name, and the weighted anchor."""
        columns = torch.cat([batch.positives, batch.negatives])
        rows = self.batch_rows(batch, columns)
        total = self._pair_loss(batch.users, columns, rows)
        if self.options.anchor_weight:
            starts = self.start_units[rows.nodes]
            total = total + self.options.anchor_weight * anchor(rows.trained, starts, rows.nodes, len(batch.users))
        return total

    def temperature(self) -> Temperature:
        """Return the temperature; a learned one is the exponential of a parameter, which is clipped to its bounds.

        The parameter itself is clipped, as CLIP's is (arXiv 2103.00020), so that it can leave a bound again.
        """
        if not self.options.learn_temperature:
            return self.options.temperature
        with torch.no_grad():
            self.log_temperature.clamp_(*(math.log(bound) for bound in TEMPERATURES))
        return self.log_temperature.exp()

    def reweighting(self) -> Reweighting | None:
        """Return what the compiled loss does beside the softmax, or None where it is that.

        Its arrays are those of the buffers, so that compiled steps see new quantiles.
        """
        no_rows = np.empty((0, self.embeddings.shape[1]), dtype=np.float32)
        quantiles = self.quantiles.cpu().numpy() if self.options.loss == "sl@k" else np.empty(0, dtype=np.float32)
        starts = self.start_units.cpu().numpy() if self.options.anchor_weight else no_rows
        return reweighting_of(self.options, quantiles, starts)

    def _pair_loss(self, users: torch.Tensor, columns: torch.Tensor, rows: BatchRows) -> torch.Tensor:
        options, temperature = self.options, self.temperature()
        if options.loss == "directau":
            return directau(rows.users, rows.columns[: len(users)], options.gamma)
        scores = self._scores(columns, rows)
        if options.loss == "sl@k":
            return softmax_at_k(scores, temperature, self.quantiles[users], options.weight_temperature)
        if options.loss == "bsl":
            power = options.power_of_negatives
            return bilateral_softmax(scores, temperature, users, options.temperature_of_positives, power)
        if options.loss == "psl":
            return pairwise_softmax(scores, temperature, options.surrogate)
        return softmax(scores, temperature)

    def _scores(self, columns: torch.Tensor, rows: BatchRows) -> PairScores:
        offsets = self._offsets.to(columns.device)[columns] if self.options.log_q else None
        return pair_scores(rows.users, rows.columns, columns, offsets, rows.left_out)

    @torch.no_grad()
    def _estimated_quantiles(self, rng: np.random.Generator) -> torch.Tensor:
        adjacency, options, units = self.adjacency, self.options, self.trained_units()
        users, items = units[: self.n_users], units[self.n_users :]
        codes = adjacency.indptr[: self.n_users + 1].astype(np.int64), adjacency.edges[1]
        starts, histories = (torch.from_numpy(part).to(units.device) for part in codes)
        own = self.own_cosines(users, items)
        return top_k_quantiles(
            users, items, starts, histories, own, k=options.quantile_k, n_drawn=options.quantile_sample, rng=rng
        )


def reweighting_of(options: LossConfig, quantiles: FloatArray, starts: FloatArray) -> Reweighting | None:
    """Return what the compiled loss does beside the softmax, or None where it is that.

    Args:
        options: The options of the loss.
        quantiles: float32 of shape (n_users,), of SL@K; of shape (0,) for other losses.
        starts: float32 of shape (n_rows, d), the rows' start at length 1; of shape (0, d) without an anchor.
    """
    if options.loss == "softmax" and not options.anchor_weight:
        return None
    return Reweighting(
        _KINDS[f"psl-{options.surrogate}" if options.loss == "psl" else options.loss],
        options.temperature_of_positives if options.loss == "bsl" else options.weight_temperature,
        options.power_of_negatives,
        quantiles,
        options.anchor_weight,
        starts,
    )


def dots(users: torch.Tensor, items: torch.Tensor, codes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return the dot product of each pair of a user and an item, float32 of shape (n,), some pairs at a time.

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        codes: int64 of shape (n,), the pairs' users.
        others: int64 of shape (n,), their items.
    """
    starts = range(0, max(len(codes), 1), _PAIRS_AT_ONCE)
    parts = [(codes[start : start + _PAIRS_AT_ONCE], others[start : start + _PAIRS_AT_ONCE]) for start in starts]
    return torch.cat([(users[user] * items[item]).sum(dim=1) for user, item in parts])


def log_popularity(adjacency: Adjacency) -> FloatArray:
    """Return the log of each item's share of the interactions, float32 of shape (n_nodes,); 0 for users."""
    users, items = adjacency.edges
    counts = np.bincount(items, minlength=adjacency.n_items)
    shares = np.log(np.maximum(counts, 1) / max(len(users), 1))
    return np.concatenate([np.zeros(adjacency.n_users), shares]).astype(np.float32)
