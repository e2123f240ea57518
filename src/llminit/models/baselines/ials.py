"""iALS: implicit alternating least squares, whose items may be drawn to what their text predicts.

The embeddings x of users and y of items, and a map B of the whitened texts f, minimise

    sum of c (x_u . y_i - 1)^2 over the interactions + a * sum of (x_u . y_i)^2 over all pairs
    + sum of r_u |x_u|^2 over users + sum of r_i |y_i - B f_i|^2 over items + text_l2 * (mean of r_i) |B|^2,

with r_u = reg_weight * (n_u + a n_items)^reg_exponent and r_i = reg_weight * (n_i + a n_users)^reg_exponent, n_u and
n_i being numbers of interactions, c an interaction's value (1, mostly), a the weight of unobserved pairs. Without text,
and for an item without text, B f_i is zero: then it is the iALS of Rendle et al., Revisiting the performance of iALS on
item recommendation benchmarks, RecSys 2022 (arXiv 2110.14037). The pull to the text is that of irspack 0.5's
feature-aware iALS, whose lambda_item_feature is text_l2 times the mean of r_i. An item without interactions gets a row
by its text.

Each side has a closed form while the other is fixed, and so has B; `llminit.models.alternating` says how it is cheap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.errors import InputError
from llminit.models.alternating import Turned
from llminit.models.baseline import Baseline, BaselineInput
from llminit.models.factors import FactorModel
from llminit.models.registry import BASELINES
from llminit.models.sizes import Sizes
from llminit.models.text_rows import whitened

_START_LENGTH = 0.1
"""Root mean square of an item's length before the first step."""


@BASELINES.register
class IALS(Baseline):
    """Scores by embeddings fitted to all pairs at once by least squares, items drawn to what their text predicts."""

    name: ClassVar[str] = "ials"
    relative_cost: ClassVar[float] = 7
    needs_text: ClassVar[bool] = True
    places_by_text: ClassVar[bool] = True
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"unobserved_weight": (0.03, 0.1, 0.3, 1.0), "reg_weight": (0.0025, 0.005, 0.01)}
    )

    embedding_size: int = Field(default=128, ge=1)
    """Dimensions of the embeddings."""
    unobserved_weight: float = Field(default=0.03, gt=0)
    """The weight of a pair without interaction, against 1 for an interaction; denser data wants a larger one."""
    reg_weight: float = Field(default=0.005, gt=0)
    """Strength of the regulariser, which grows with a row's number of interactions."""
    reg_exponent: float = Field(default=1.0, ge=0, le=1)
    """How it grows: 1 in proportion, 0 not at all."""
    epochs: int = Field(default=16, ge=1)
    """How many times both tables are solved."""
    solver_steps: int = Field(default=3, ge=1)
    """Most steps of conjugate gradients for a row, from where it was; more are more exact, and no better."""
    text: bool = True
    """Draw items to what their text predicts; false is plain iALS, which needs no text."""
    text_dims: int = Field(default=128, ge=1)
    """How many leading directions of the texts are used."""
    text_l2: float = Field(default=0.5, gt=0)
    """Strength of the regulariser of the map from text to embeddings, in the pulls of so many mean items."""
    seed: int = Field(default=0, ge=0)
    """Seed of the items' embeddings before the first step."""

    def uses_text(self) -> bool:
        """Return whether items are drawn to their text."""
        return self.text

    def learn(self, data: BaselineInput) -> FactorModel:
        """Solve users and items in turn."""
        if data.train.data.min() < 0:
            raise InputError(
                f"found the value {data.train.data.min():g} in the training matrix, expected none below 0, because "
                "values are weights; use ones"
            )
        n_users, n_items = data.train.shape
        by_user, by_item = data.train, csr_array(data.train.T)
        user_ridge, item_ridge = self._ridge(by_user), self._ridge(by_item)
        text = _Text.make(whitened(data.text, self.text_dims), item_ridge, self.text_l2) if self.text else None
        users = np.zeros((n_users, self.embedding_size), dtype=np.float32)
        items = np.random.default_rng(self.seed).standard_normal((n_items, self.embedding_size), dtype=np.float32)
        items *= np.float32(_START_LENGTH / np.sqrt(self.embedding_size))
        for _ in range(self.epochs):
            turned = Turned.make(users, items, self.unobserved_weight)
            turned.solve(by_user, user_ridge, np.zeros_like(users), self.solver_steps)
            turned = Turned.make(turned.others, turned.rows, self.unobserved_weight)
            predicted = np.zeros_like(items) if text is None else text.predicted(turned.rows)
            turned.solve(by_item, item_ridge, item_ridge[:, np.newaxis] * predicted, self.solver_steps)
            users, items = turned.others, turned.rows
        return FactorModel(users, items, data.train)

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the memory of fitting: each table, its turned copy and targets, and the whitened texts."""
        tables = (sizes.n_users + sizes.n_items) * 128 * 4 * 4
        return tables + 60 * sizes.n_interactions + sizes.n_items * sizes.text_width * 16

    def _ridge(self, train: csr_array) -> FloatArray:
        """Return the regulariser of each row, float32 of shape (n,)."""
        counts = np.diff(train.indptr) + self.unobserved_weight * train.shape[1]
        return np.asarray(self.reg_weight * counts**self.reg_exponent, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Text:
    """The ridge regression of embeddings on texts.

    Attributes:
        features: float32 of shape (n_items, k).
        solver: float32 of shape (k, n_items), what makes B of the embeddings.
    """

    features: FloatArray
    solver: FloatArray

    @classmethod
    def make(cls, features: FloatArray, ridge: FloatArray, l2: float) -> Self:
        weighted = (features * ridge[:, np.newaxis]).T.astype(np.float64)
        penalty = l2 * float(ridge.mean()) * np.eye(features.shape[1])
        solver = np.linalg.solve(weighted @ features + penalty, weighted)
        return cls(features, solver.astype(np.float32))

    def predicted(self, rows: FloatArray) -> FloatArray:
        """Return float32 of shape (n_items, d): what the texts predict of embeddings of that shape."""
        return np.asarray(self.features @ (self.solver @ rows), dtype=np.float32)
