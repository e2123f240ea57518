"""Sparse products in blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array, vstack

from llminit.models import sparse


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 200), density=st.sampled_from([0.0, 0.1, 0.9]))
def test_blocks_are_the_product_in_pieces_of_bounded_size(seed: int, limit: int, density: float) -> None:
    """Blocks come in order, cover every row once, and none holds more than the limit and one row."""
    rng = np.random.default_rng(seed)
    left, right = (csr_array(random_array(shape, density=density, rng=rng)) for shape in ((23, 11), (11, 17)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "_BLOCK_ENTRIES", limit)
        blocks = list(sparse.product_blocks(left, right))
    assert [row for block, _ in blocks for row in range(23)[block]] == list(range(23))
    assert vstack([part for _, part in blocks]).toarray() == pytest.approx((left @ right).toarray())
    assert max(part.nnz for _, part in blocks) <= limit + 17
    assert len(blocks) <= 1 + 23 * 17 // limit
