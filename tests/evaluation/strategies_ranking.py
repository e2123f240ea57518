"""Random ranking problems that are full of ties, masks and users with several relevant items or none."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from scipy.sparse import csr_array


@dataclass(frozen=True)
class Problem:
    """Scores, and which items are relevant and seen."""

    scores: np.ndarray
    relevant: np.ndarray
    seen: np.ndarray

    def matrices(self) -> tuple[csr_array, csr_array]:
        """The relevant and the seen items as CSR arrays."""
        return csr_array(self.relevant.astype(np.float32)), csr_array(self.seen.astype(np.float32))

    def sets(self, user: int) -> tuple[set[int], set[int]]:
        """The relevant and the seen items of one user, as sets."""
        return set(np.flatnonzero(self.relevant[user])), set(np.flatnonzero(self.seen[user]))


def make_problem(
    seed: int, n_users: int = 7, n_items: int = 9, n_levels: int = 4, relevant_share: float = 0.3
) -> Problem:
    """Draw one problem; few levels of score make many ties, and infinities are among them."""
    rng = np.random.default_rng(seed)
    levels = np.array([-np.inf, -0.0, 0.0, np.inf, *rng.normal(size=n_levels)], dtype=np.float32)
    draws = rng.random((n_users, n_items))
    relevant = draws < relevant_share
    return Problem(rng.choice(levels, (n_users, n_items)), relevant, (draws > 0.7) & ~relevant)


problems = st.builds(
    make_problem,
    seed=st.integers(0, 2**32 - 1),
    n_users=st.integers(1, 9),
    n_items=st.integers(1, 12),
    n_levels=st.integers(1, 6),
    relevant_share=st.floats(0.05, 0.6),
)
