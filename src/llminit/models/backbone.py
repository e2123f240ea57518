"""The base class of backbones: parameters that start from initial embeddings, a loss, and final embeddings."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import nn

from llminit.arrays import FloatArray
from llminit.compiled.history import CompiledHistory
from llminit.compiled.softmax import CompiledSoftmax
from llminit.compiled.steps import CompiledLoss
from llminit.config import Config
from llminit.errors import ConfigError, EmbeddingError
from llminit.graph import Adjacency, RowGradient, gather, propagate
from llminit.models.sizes import Sizes
from llminit.registry import Entry, check_defaults, named_class

_COPIES_OF_TABLE = 5
"""Embeddings, gradients, two moments and the best epoch."""

_COPIES_OF_NODES = 5
"""Final embeddings of all users and items, and what evaluation makes of them."""


class BackboneConfig(Config):
    """The hyper-parameters of a backbone; each backbone adds its entry_name."""


class GraphConfig(BackboneConfig):
    """The hyper-parameters of a backbone that propagates over the graph."""

    n_layers: int = Field(default=2, ge=0)
    """Number of propagation layers."""


class Batch(NamedTuple):
    """Training triples: nodes, which are all users, then all items; int64 of shape (batch_size,).

    `negatives` is empty for a backbone that uses none.
    """

    users: torch.Tensor
    positives: torch.Tensor
    negatives: torch.Tensor


class HistoryRows(NamedTuple):
    """Rows of items of which a model makes its users.

    A user with the items H is served as u + sum of hops over H / sqrt(|H|), u the sum of units over H at length 1.
    """

    units: FloatArray
    """float32 of shape (n_items, d), at length 1."""
    hops: FloatArray
    """float32 of shape (n_items, d)."""
    first: float
    """The weight of the first hop."""


class Backbone(nn.Module, ABC):
    """A collaborative-filtering model that starts from initial embeddings.

    A subclass is one file: it sets `name` and `options_type` and implements `loss`. It is an ordinary module: all its
    parameters are trained, not only `embeddings`, and parameters and buffers are saved in checkpoints and restored to
    their best epoch. `llminit.testing.check_backbone` tests it.
    """

    name: ClassVar[str]
    options_type: ClassVar[type[BackboneConfig]] = BackboneConfig
    uses_negatives: ClassVar[bool] = True
    has_user_table: ClassVar[bool] = True
    """Whether `embeddings` holds users, then items; without, items alone, and `final_embeddings` makes the users."""
    relative_cost: ClassVar[float] = math.inf
    """Approximate training time, BPR-MF being 10; a comparison runs cheap models first and unknown ones last."""

    _loss_methods: ClassVar[frozenset[str]] = frozenset({"loss", "rows", "layers"})

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        """Start from initial embeddings.

        Args:
            users: float32 of shape (n_users, d).
            items: float32 of shape (n_items, d).
            adjacency: The training graph.
            options: An instance of `options_type`; None takes its defaults.

        Raises:
            EmbeddingError: The shapes do not fit the graph, or a value is not finite.
        """
        super().__init__()
        _check_initial(users, items, adjacency)
        self.adjacency = adjacency
        self.options = options if options is not None else self.options_type()
        self.deferred: list[RowGradient] | None = None
        start = np.concatenate([users, items] if self.has_user_table else [items])
        self.embeddings = nn.Parameter(torch.from_numpy(start.astype(np.float32)))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A subclass with another loss must not inherit the compiled loss of its parent.
        if cls._loss_methods & vars(cls).keys() and "compiled_loss" not in vars(cls):
            cls.compiled_loss = Backbone.compiled_loss  # type: ignore[method-assign]

    @property
    def n_users(self) -> int:
        """Number of users; the first item's node, and its row in `embeddings` where these hold users."""
        return self.adjacency.n_users

    def start_epoch(self, rng: np.random.Generator) -> None:
        """Prepare an epoch; a backbone with random parts draws them here, from `rng` only."""

    @abstractmethod
    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the scalar loss of a batch."""

    def compiled_loss(self) -> CompiledLoss | CompiledSoftmax | CompiledHistory | None:
        """Return the compiled loss that equals `loss` with these options, or None if there is none."""
        return None

    @property
    def layers(self) -> tuple[Adjacency, ...]:
        """The adjacency to propagate over at each layer; empty unless the backbone's options have `n_layers`."""
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
        """Return user and item embeddings whose dot products are scores: float32, (n_users, d) and (n_items, d)."""
        nodes = propagate(self.embeddings, self.layers).detach().cpu().numpy()
        return nodes[: self.n_users].copy(), nodes[self.n_users :].copy()

    def trained_rows(self) -> FloatArray | None:
        """Return a copy of `embeddings` on the CPU, float32; None where this process does not hold them."""
        rows: FloatArray = self.embeddings.detach().cpu().numpy().copy()
        return rows

    def choose_serving(self, validate: Callable[[FloatArray, FloatArray], float]) -> dict[str, Any]:  # noqa: ARG002
        """Choose what training does not touch, once it has ended; `final_embeddings` then follows the choice.

        Args:
            validate: Takes final user and item embeddings and returns the validation metric.

        Returns:
            The chosen values by the names of the options that fix them; empty where there is nothing to choose.
        """
        return {}

    def history_rows(self) -> HistoryRows | None:
        """Return what makes a user of a history exactly as `final_embeddings` makes its own, or None."""
        return None

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the peak memory of training in bytes, beyond what every process needs."""
        n_nodes = sizes.n_users + sizes.n_items
        n_rows = n_nodes if cls.has_user_table else sizes.n_items
        return 4 * sizes.embedding_size * (_COPIES_OF_TABLE * n_rows + _COPIES_OF_NODES * n_nodes)


def describe_backbone(part: Any, name: str | None) -> Entry[type[Backbone]]:
    """Return the registry's entry of a backbone.

    Raises:
        ConfigError: The class does not keep the contract; the message says what to write.
    """
    entry_name = named_class(part, name, Backbone, "backbone")
    check_defaults(part.options_type, part, "backbone")
    positional = [
        parameter.name
        for parameter in inspect.signature(part).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    if len(positional) < 4 and "VAR_POSITIONAL" not in {
        parameter.kind.name for parameter in inspect.signature(part).parameters.values()
    }:
        raise ConfigError(
            f"the backbone {part.__module__}:{part.__qualname__} is made with ({', '.join(positional)}); write "
            "__init__(self, users, items, adjacency, options=None) and hand all four to super().__init__"
        )
    return Entry(entry_name, part, part.options_type, entry_name)


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
