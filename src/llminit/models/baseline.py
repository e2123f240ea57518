"""The base class of baselines: options, and `fit`, which learns from the training interactions without gradients."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.sparse import csr_array, issparse

from llminit.arrays import FloatArray, IntArray
from llminit.config import Config
from llminit.errors import ConfigError, EmbeddingError, InputError
from llminit.models.cold import ColdText
from llminit.models.serving import ItemModel, ServingModel, kept_weights
from llminit.models.sizes import Sizes
from llminit.models.sparse import degrees
from llminit.registry import Entry, check_defaults, named_class


class FittedBaseline(Protocol):
    """Scores every item for the users that it was fitted on; users without a training item get popularity scores."""

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""

    def serving(self) -> ServingModel:
        """Return what a recommender saves and serves; for a history that was fitted on, it scores as `scores` does."""


@dataclass(frozen=True, eq=False)
class BaselineInput:
    """The validated input of a baseline.

    Attributes:
        train: float32 CSR of shape (n_users, n_items), without duplicates or stored zeros; a copy of the caller's.
        text: float32 of shape (n_items, D), a row of zeros for an item without text; D is 0 for a baseline that does
            not need text.
        order: int32 CSR with the entries of `train`, the place of each interaction among those of its user, in time;
            None where that is not known.
    """

    train: csr_array
    text: FloatArray
    order: csr_array | None = None


class Baseline(Config, ABC):
    """Options that can be fitted. A new one is one file: it sets `name`, declares options and implements `learn`."""

    name: ClassVar[str]
    """The name in the registry."""
    relative_cost: ClassVar[float] = math.inf
    """Approximate fitting time, BPR-MF being 10; a comparison runs cheap models first and unknown ones last."""
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType({})
    """The values that `tune` tries for some options: every combination in order, the last option changing fastest."""
    needs_text: ClassVar[bool] = False
    """Whether `fit` must be given text embeddings, with the default options."""
    learns_from_order: ClassVar[bool] = False
    """Whether `fit` makes something of the order of interactions."""
    places_by_text: ClassVar[bool] = False
    """Whether an item that nobody has gets its place from its text when it is among those that are fitted."""

    def fit(self, train: csr_array, text: FloatArray | None = None, order: csr_array | None = None) -> FittedBaseline:
        """Learn from training interactions, and from the items' text where the baseline needs it.

        Args:
            train: float32 of shape (n_users, n_items), non-zero where a user has an item in the training data.
            text: Text embeddings, float32 of shape (n_items, D), a row of zeros for an item without text; ignored
                if `uses_text` is False.
            order: The place of each interaction among those of its user, in time, as `HeldOut.train_order` has it: of
                the shape of `train` and with its entries, from 1 on. None where it is not known; most baselines make
                nothing of it.

        Raises:
            ConfigError: Text is needed and missing, or an option does not fit this data.
            EmbeddingError: The text embeddings cannot be used.
            InputError: A matrix is not sparse, is empty, or holds NaN or infinite values, or the order is of other
                interactions.
        """
        matrix = _checked_train(train)
        n_items = matrix.shape[1]
        rows = self._checked_text(text, n_items) if self.uses_text() else np.empty((n_items, 0), dtype=np.float32)
        return self.learn(BaselineInput(matrix, rows, None if order is None else _checked_order(order, matrix)))

    def uses_text(self) -> bool:
        """Return whether these options need text embeddings."""
        return self.needs_text

    @abstractmethod
    def learn(self, data: BaselineInput) -> FittedBaseline:
        """Learn from input that `fit` has validated."""

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the peak memory of fitting in bytes, beyond what every process needs."""
        return 100 * sizes.n_interactions

    def _checked_text(self, text: FloatArray | None, n_items: int) -> FloatArray:
        if text is None:
            raise ConfigError(
                f"{self.name} was given no text, expected text embeddings of the items; give an item table with an "
                "encoder, or embeddings, or leave this baseline out"
            )
        rows = np.asarray(text, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != n_items:
            raise EmbeddingError(
                f"found text embeddings of shape {rows.shape}, expected ({n_items}, D), a row for each item of the "
                "training data; align them to its items"
            )
        if not np.isfinite(rows).all():
            raise EmbeddingError("the text embeddings hold NaN or infinite values, expected numbers; encode again")
        if not rows.any():
            raise EmbeddingError(f"none of {n_items} items has text, expected some; encode items that have text")
        return rows


def describe_baseline(part: Any, name: str | None) -> Entry[type[Baseline]]:
    """Return the registry's entry of a baseline.

    Raises:
        ConfigError: The class does not keep the contract; the message says what to write.
    """
    entry_name = named_class(part, name, Baseline, "baseline")
    check_defaults(part, part, "baseline")
    unknown = sorted(set(part.grid) - set(part.model_fields))
    if unknown:
        raise ConfigError(
            f"the grid of the baseline {part.__module__}:{part.__qualname__} varies {unknown[0]!r}, which is none of "
            f"its options ({', '.join(part.model_fields) or 'it has none'}); name an option"
        )
    return Entry(entry_name, part, part, entry_name)


@dataclass(frozen=True)
class LinearItemModel:
    """Scores a user by the sum of the weights from each of the user's training items to every item.

    Users without a training item get popularity scores.

    Attributes:
        train: float32 CSR of shape (n_users, n_items).
        weights: float32 of shape (n_items, n_items), sparse or dense; row j holds what item j adds to every item.
        cold: What gives the weights of an item that comes later; None where there is no closed form.
    """

    train: csr_array
    weights: csr_array | FloatArray
    cold: ColdText | None = None

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        product = self.train[users] @ self.weights
        scores = np.asarray(product.toarray() if issparse(product) else product, dtype=np.float32)
        return popular_without_history(scores, users, self.train)

    def serving(self) -> ServingModel:
        """Return the weights; of a large dense table the largest ones."""
        return ItemModel([(kept_weights(self.weights), None)], degrees(self.train)[1].astype(np.float32))


def popular_without_history(scores: FloatArray, users: IntArray, train: csr_array) -> FloatArray:
    """Replace the scores of users without training interactions by the items' numbers of training interactions.

    Args:
        scores: float32 of shape (n, n_items), a row for each of `users`; overwritten.
        users: int64 of shape (n,), user codes.
        train: float32 CSR of shape (n_users, n_items), without stored zeros.

    Returns:
        `scores`; the rows of users with a training item are unchanged.
    """
    has_no_history = np.diff(train.indptr)[users] == 0
    if has_no_history.any():
        scores[has_no_history] = degrees(train)[1]
    return scores


def _checked_train(train: Any) -> csr_array:
    if not issparse(train):
        raise InputError(f"train is a {type(train).__name__}; expected a scipy.sparse matrix; wrap it in csr_array")
    matrix = csr_array(train, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        raise InputError(
            f"the training matrix of shape {matrix.shape} has no interaction; expected at least one; "
            "use a split or a filter that leaves some for training"
        )
    if not np.isfinite(matrix.data).all():
        raise InputError("the training matrix holds NaN or infinite values; expected finite numbers; remove those")
    return matrix


def _checked_order(order: Any, train: csr_array) -> csr_array:
    places = csr_array(order, dtype=np.int32, copy=True)
    places.sum_duplicates()
    same = places.shape == train.shape and np.array_equal(places.indptr, train.indptr)
    if not same or not np.array_equal(places.indices, train.indices):
        raise InputError(
            f"the order has shape {places.shape} and {places.nnz} entries, expected a place for each of the "
            f"{train.nnz} interactions of shape {train.shape}; make it of the same interactions"
        )
    return places
