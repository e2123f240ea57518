"""Text-only: cosines of text embeddings without any training, optionally propagated over the interactions.

Propagation of untrained text embeddings follows TextGCN (arXiv 2510.12461), with the layers averaged as in LightGCN
(arXiv 2002.02126).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.initialization import user_means
from llminit.models.baseline import Baseline, BaselineInput, popular_without_history
from llminit.models.registry import BASELINES
from llminit.models.serving import DotProduct, ServingModel
from llminit.models.sparse import degrees, normalized, ones
from llminit.models.text_rows import centred, unit_rows


@BASELINES.register
class TextOnly(Baseline):
    """Scores by the cosine of an item's text and the mean text of the user's training items.

    Users without a training item get popularity scores, as from every baseline: the mean of all centred texts would be
    rounding noise.
    """

    name: ClassVar[str] = "text-only"
    relative_cost: ClassVar[float] = 1
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"centred": (False, True), "n_layers": (0, 1, 2, 4, 6, 8)}
    )
    needs_text: ClassVar[bool] = True

    centred: bool = True
    """Subtract the mean text embedding, which is far from zero for most encoders."""
    n_layers: int = Field(default=4, ge=0)
    """Number of propagation layers; 0 compares the texts as they are."""

    def learn(self, data: BaselineInput) -> "CosineModel":
        """Average the items' texts over each user's history and propagate both."""
        items = centred(data.text) if self.centred else data.text
        users, _ = user_means(items, ones(data.train).astype(np.float32))
        users, items = _propagated(users, items, data.train, self.n_layers)
        return CosineModel(unit_rows(users), unit_rows(items), data.train)


@dataclass(frozen=True)
class CosineModel:
    """Scores by the dot product of rows of length 1; users without a training item get popularity scores.

    Attributes:
        users: float32 of shape (n_users, D).
        items: float32 of shape (n_items, D).
        train: float32 CSR of shape (n_users, n_items).
    """

    users: FloatArray
    items: FloatArray
    train: csr_array

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        scores: FloatArray = self.users[users] @ self.items.T
        return popular_without_history(scores, users, self.train)

    def serving(self) -> ServingModel:
        """Return both tables; a user without a history gets the direction that ranks by popularity."""
        counts = degrees(self.train)[1].astype(np.float32)
        without = np.diff(self.train.indptr) == 0
        # One more column holds popularity, which those without a history look at alone. It is so small that an item's
        # direction stays that of its text, and a power of two, so that the products are exactly the counts.
        small = np.float32(2.0 ** -(20 + np.ceil(np.log2(max(float(counts.max()), 1.0)))))
        own = np.where(without, 1 / small, np.float32(0)).astype(np.float32)
        users = np.hstack([np.where(without[:, None], np.float32(0), self.users), own[:, None]])
        return DotProduct(users, np.hstack([self.items, counts[:, None] * small]))


def _propagated(users: FloatArray, items: FloatArray, train: csr_array, n_layers: int) -> tuple[FloatArray, FloatArray]:
    to_users = normalized(train).astype(np.float32)
    to_items = csr_array(to_users.T)
    user_sum, item_sum = users.copy(), items.copy()
    for _ in range(n_layers):
        users, items = to_users @ items, to_items @ users
        user_sum += users
        item_sum += items
    return user_sum, item_sum
