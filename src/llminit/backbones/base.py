"""What every backbone is: trainable user and item embeddings, a loss on a batch, and final embeddings."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import nn

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.errors import EmbeddingError
from llminit.graph import Adjacency, RowGradient, gather, propagate


class BackboneConfig(Config):
    """The hyper-parameters of a backbone; each backbone adds its own."""


class GraphConfig(BackboneConfig):
    """The hyper-parameters of a backbone that propagates over the graph."""

    n_layers: int = Field(default=2, ge=0)
    """Number of propagation layers."""


class Batch(NamedTuple):
    """Training triples: rows of the embedding matrix (users first, then items), int64 of shape (batch_size,).

    `negatives` is empty for a backbone that uses none.
    """

    users: torch.Tensor
    positives: torch.Tensor
    negatives: torch.Tensor


class Backbone(nn.Module, ABC):
    """A collaborative-filtering model that starts from given embeddings.

    A subclass is one file in this package: it names itself, names its options and writes `loss`.
    """

    name: ClassVar[str]
    options_type: ClassVar[type[BackboneConfig]] = BackboneConfig
    uses_negatives: ClassVar[bool] = True

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        """Start from initial embeddings.

        Args:
            users: float32 of shape (n_users, d).
            items: float32 of shape (n_items, d).
            adjacency: The training graph.
            options: An `options_type`; its defaults if None.

        Raises:
            EmbeddingError: The shapes do not fit the graph, or a value is not finite.
        """
        super().__init__()
        _check_initial(users, items, adjacency)
        self.adjacency = adjacency
        self.options = options if options is not None else self.options_type()
        self.deferred: list[RowGradient] | None = None
        self.embeddings = nn.Parameter(torch.from_numpy(np.concatenate([users, items]).astype(np.float32)))

    @property
    def n_users(self) -> int:
        """Number of users; the first item's row in `embeddings`."""
        return self.adjacency.n_users

    def start_epoch(self, rng: np.random.Generator) -> None:
        """Prepare an epoch; a backbone with random parts draws them here, from `rng` alone."""

    @abstractmethod
    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the scalar loss of a batch."""

    @property
    def layers(self) -> tuple[Adjacency, ...]:
        """The adjacency to propagate over at each layer; none unless the backbone's options count layers."""
        return (self.adjacency,) * getattr(self.options, "n_layers", 0)

    def rows(self, *parts: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Return the trained (layer 0) and the final (propagated) embeddings of a batch's rows.

        Args:
            parts: Rows of the embedding matrix, each int64 of shape (batch_size,).

        Returns:
            Two tuples with one float32 tensor of shape (batch_size, d) for each part.
        """
        return gather(self.embeddings, self.adjacency, len(self.layers), parts, self.deferred)

    @torch.no_grad()
    def final_embeddings(self) -> tuple[FloatArray, FloatArray]:
        """Return user and item embeddings whose dot products rank: float32, (n_users, d) and (n_items, d)."""
        nodes = propagate(self.embeddings, self.layers).detach().cpu().numpy()
        return nodes[: self.n_users].copy(), nodes[self.n_users :].copy()


def _check_initial(users: FloatArray, items: FloatArray, adjacency: Adjacency) -> None:
    expected = (adjacency.n_users, adjacency.n_items)
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1] or (len(users), len(items)) != expected:
        raise EmbeddingError(
            f"initial embeddings have shapes {users.shape} and {items.shape}, expected ({expected[0]}, d) and "
            f"({expected[1]}, d) with one d; make them from the same data as the graph"
        )
    if not (np.isfinite(users).all() and np.isfinite(items).all()):
        raise EmbeddingError(
            "initial embeddings hold NaN or infinite values, expected finite ones; check the text "
            "embeddings that they were made from"
        )
