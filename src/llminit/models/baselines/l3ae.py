"""L3AE: EASE that is drawn towards the EASE of the item texts, in closed form.

Source: Moon et al., LLM-Enhanced Linear Autoencoders for Recommendation, CIKM 2025 (arXiv 2508.13500). With X the
training interactions and S the text's EASE, the weights B minimise |X - XB|^2 + l2 |B|^2 + text_weight |B - S|^2 with
a zero diagonal. The text's kernel has the rank of its width, so S is never made: it takes a product of all items by the
width.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.models.baseline import Baseline, BaselineInput, LinearItemModel
from llminit.models.cold import ColdText
from llminit.models.registry import BASELINES
from llminit.models.ridge import check_memory, ridge_inverse, table_bytes
from llminit.models.sizes import Sizes
from llminit.models.text_rows import centre_of, centred, unit_rows


@BASELINES.register
class L3AE(Baseline):
    """Scores by weights that predict each item from all the others, drawn to those that its text alone gives."""

    name: ClassVar[str] = "l3ae"
    relative_cost: ClassVar[float] = 8
    needs_text: ClassVar[bool] = True
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"text_weight": (75.0, 150.0, 300.0), "l2": (-50.0, 0.0, 100.0)}
    )

    text_weight: float = Field(default=150.0, gt=0)
    """Strength of the pull towards the weights of the text."""
    l2: float = -50.0
    """Strength of the pull towards zero; it may be negative as long as it and text_weight add up to more than 0."""
    text_l2: float = Field(default=5.0, gt=0)
    """Strength of the regulariser of the text's own weights."""
    max_memory_gib: float = Field(default=8.0, gt=0)
    """Fitting needs 16 bytes for each pair of items; it is an error if that exceeds this many GiB."""

    @model_validator(mode="after")
    def _check_strengths(self) -> Self:
        if self.l2 + self.text_weight <= 0:
            raise ValueError(f"l2={self.l2} and text_weight={self.text_weight} add up to 0 or less; raise one")
        return self

    def learn(self, data: BaselineInput) -> LinearItemModel:
        """Solve one regression for each item, with its text's weights as the prior mean."""
        n_items = data.train.shape[1]
        check_memory("L3AE", n_items, self.max_memory_gib)
        inverse = ridge_inverse(self.histories(data), np.full(n_items, self.l2 + self.text_weight))
        text = unit_rows(centred(data.text))
        gram = text.T.astype(np.float64) @ text + self.text_l2 * np.eye(text.shape[1])
        core = np.linalg.inv(gram).astype(np.float64)
        smoothed = (text @ core).astype(np.float32)
        from_text = inverse @ smoothed
        pulled = self.text_weight * _times_text_weights(inverse, from_text, text, smoothed)
        multipliers = (1 + pulled.diagonal()) / inverse.diagonal()
        weights = pulled - inverse * multipliers
        np.fill_diagonal(weights, 0.0)
        share = self.text_weight / (self.l2 + self.text_weight)
        cold = ColdText(centre_of(data.text), text, core, self.text_weight * from_text, self.text_l2, share)
        return LinearItemModel(data.train, np.ascontiguousarray(weights, dtype=np.float32), cold)

    def histories(self, data: BaselineInput) -> csr_array:
        """Return what is learned from, float32 CSR of shape (n, n_items): a row for each history."""
        return data.train

    @classmethod
    def memory_bytes(cls, sizes: Sizes) -> int:
        """Estimate the memory of fitting: matrices of all pairs of items."""
        return table_bytes(sizes.n_items)


def _times_text_weights(
    matrix: FloatArray, from_text: FloatArray, text: FloatArray, smoothed: FloatArray
) -> FloatArray:
    """Return M @ S for the text's EASE S = I - P diag(1 / diag(P)), P = (EE' + l2 I)^-1 = (I - E C E') / l2.

    Args:
        matrix: M, float32 of shape (n_items, n_items).
        from_text: M E C, float32 of shape (n_items, D).
        text: E, float32 of shape (n_items, D), rows of length 1 or of zeros.
        smoothed: E C, float32 of shape (n_items, D).
    """
    diagonal = 1 - (smoothed * text).sum(axis=1)
    product: FloatArray = matrix - (matrix - from_text @ text.T) / diagonal
    return product
