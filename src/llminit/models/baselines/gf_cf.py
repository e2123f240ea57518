"""GF-CF: a linear filter and an ideal low-pass filter of each user's interactions over the item graph.

Source: Shen et al., How powerful is graph convolution for recommendation?, CIKM 2021 (arXiv 2108.07505), eq. 11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from llminit.arrays import FloatArray, IntArray
from llminit.models.baseline import Baseline, BaselineInput, popular_without_history
from llminit.models.registry import BASELINES
from llminit.models.serving import ItemModel, ServingModel
from llminit.models.sparse import degrees, normalized, ones, power


@BASELINES.register
class GFCF(Baseline):
    """Scores r_u (R~'R~ + alpha D_I^-1/2 V V' D_I^1/2), V being the k leading right singular vectors of R~."""

    name: ClassVar[str] = "gf-cf"
    relative_cost: ClassVar[float] = 4
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType({"k": (32, 64, 128, 256), "alpha": (0.3, 1.0, 3.0)})

    k: int = Field(default=64, ge=1)
    """Number of singular vectors that pass the ideal filter; all of them if the data has fewer."""
    alpha: float = Field(default=1.0, ge=0)
    """Weight of the ideal filter relative to the linear one."""
    seed: int = Field(default=0, ge=0)
    """Seed of the vector that the sparse SVD starts from; it changes the last digits only."""

    def learn(self, data: BaselineInput) -> "GraphFilter":
        """Find the leading singular vectors of the normalised interactions."""
        interactions, smooth = ones(data.train), normalized(data.train)
        leading = _leading_directions(smooth, self.k, self.seed)
        by_item = degrees(data.train)[1]
        return GraphFilter(
            train=interactions.astype(np.float32),
            to_users=csr_array(smooth.T).astype(np.float32),
            to_items=smooth.astype(np.float32),
            left=(self.alpha * power(by_item, -0.5)[:, None] * leading).astype(np.float32),
            right=(power(by_item, 0.5)[:, None] * leading).astype(np.float32),
        )


@dataclass(frozen=True)
class GraphFilter:
    """Scores by the two filters, without a matrix of items by items.

    Users without a training item get popularity scores.

    Attributes:
        train: R, float32 CSR of shape (n_users, n_items), ones.
        to_users: R~', float32 CSR of shape (n_items, n_users).
        to_items: R~, float32 CSR of shape (n_users, n_items).
        left: alpha D_I^-1/2 V, float32 of shape (n_items, k).
        right: D_I^1/2 V, float32 of shape (n_items, k).
    """

    train: csr_array
    to_users: csr_array
    to_items: csr_array
    left: FloatArray
    right: FloatArray

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 of shape (n, n_items) for n user codes, int64 of shape (n,)."""
        history = self.train[users]
        result: FloatArray = (history @ self.left) @ self.right.T
        # Two steps by users, because R~'R~ can have far more entries than R.
        result += ((history @ self.to_users) @ self.to_items).toarray()
        return popular_without_history(result, users, self.train)

    def serving(self) -> ServingModel:
        """Return both filters as factors."""
        counts = degrees(self.train)[1].astype(np.float32)
        return ItemModel([(self.left, np.ascontiguousarray(self.right.T)), (self.to_users, self.to_items)], counts)


def _leading_directions(smooth: csr_array, k: int, seed: int) -> NDArray[np.float64]:
    """Return the right singular vectors of the k largest singular values, float64 of shape (n_items, at most k).

    Those of singular value 0 are arbitrary and change no score, because no user's interactions have a part along them.
    """
    max_rank = min(smooth.shape)
    if k >= max_rank:  # more than the sparse solver can find; the dense matrix is no larger than its singular vectors
        return np.linalg.svd(smooth.toarray(), full_matrices=False)[2].T
    start = np.random.default_rng(seed).normal(size=max_rank)
    directions: NDArray[np.float64] = svds(smooth, k=k, v0=start, return_singular_vectors="vh")[2].T
    return directions
