"""Text-only: cosines of text embeddings without any training, optionally propagated over the interactions.

Propagation of untrained text embeddings follows TextGCN (arXiv 2510.12461), with the layers averaged as in LightGCN
(arXiv 2002.02126).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.initialization import user_means
from llminit.models.baseline import Baseline, BaselineInput
from llminit.models.factors import FactorModel
from llminit.models.registry import BASELINES
from llminit.models.sparse import normalized, ones
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

    def learn(self, data: BaselineInput) -> FactorModel:
        """Average the items' texts over each user's history and propagate both."""
        items = centred(data.text) if self.centred else data.text
        users, _ = user_means(items, ones(data.train).astype(np.float32))
        users, items = _propagated(users, items, data.train, self.n_layers)
        return FactorModel(unit_rows(users), unit_rows(items), data.train)


def _propagated(users: FloatArray, items: FloatArray, train: csr_array, n_layers: int) -> tuple[FloatArray, FloatArray]:
    to_users = normalized(train).astype(np.float32)
    to_items = csr_array(to_users.T)
    user_sum, item_sum = users.copy(), items.copy()
    for _ in range(n_layers):
        users, items = to_users @ items, to_items @ users
        user_sum += users
        item_sum += items
    return user_sum, item_sum
