"""One side of alternating least squares: every row solved while the rows of the other side stand still.

All rows share the dense part of their systems, a Y'Y. So both sides are turned to its eigenvectors, which changes no
dot product between them; there it is diagonal, and what is left of a row's system is as sparse as its interactions.
"""

from dataclasses import dataclass

import numba
import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.compiled.least_squares import Systems, solve_rows


@dataclass(frozen=True, eq=False)
class Turned:
    """The rows of a side that stands still, and those of the side to be solved, turned to the same directions.

    Attributes:
        others: Y, float32 of shape (m, d).
        rows: float32 of shape (n, d), where the rows to be solved start.
        shared: float32 of shape (d,), the diagonal that a Y'Y is in these directions.
        directions: float32 of shape (d, d), orthonormal; both were multiplied by them.
    """

    others: FloatArray
    rows: FloatArray
    shared: FloatArray
    directions: FloatArray

    @classmethod
    def make(cls, rows: FloatArray, others: FloatArray, dense_weight: float = 1.0) -> "Turned":
        """Turn both sides, a being `dense_weight`."""
        shared, directions = np.linalg.eigh(np.float32(dense_weight) * (others.T @ others))
        return cls(others @ directions, rows @ directions, np.maximum(shared, np.float32(0)), directions)

    def solve(self, weights: csr_array, ridge: FloatArray, targets: FloatArray, n_steps: int, start: int = 0) -> None:
        """Solve (a Y'Y + ridge I + sum of c y y') x = t + sum of c y for some rows x, which are changed in place.

        Args:
            weights: c, float32 CSR of shape (n_solved, m), at least 0.
            ridge: float32 of shape (n_solved,), positive.
            targets: t in these directions, float32 of shape (n_solved, d).
            n_steps: Most steps of conjugate gradients for a row.
            start: The first row to be solved.
        """
        n = weights.shape[0]
        systems = Systems(
            weights.indptr.astype(np.int64),
            weights.indices.astype(np.int32),
            weights.data,
            self.others,
            self.shared,
            ridge,
            targets,
        )
        rows = self.rows[start : start + n]
        solve_rows(systems, np.arange(n, dtype=np.int32), n_steps, rows, numba.get_num_threads())
