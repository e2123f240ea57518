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


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12), n_levels=st.sampled_from([1, 3, 50]))
def test_nearest_keeps_the_largest_and_of_equal_ones_the_lower_columns(seed: int, k: int, n_levels: int) -> None:
    """It is what sorting each row by value, then by column, keeps; whatever the order of a row's entries."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(-n_levels, n_levels + 1, size=(7, 11)) / 4
    rows, columns = np.nonzero(rng.random((7, 11)) < rng.random())
    shuffled = np.lexsort((rng.random(len(rows)), rows))
    rows, columns = rows[shuffled], columns[shuffled]
    found = sparse.nearest(rows, columns, dense[rows, columns], (7, 11), k)
    expected = np.zeros((7, 11), dtype=bool)
    for row in range(7):
        of_row = columns[rows == row]
        expected[row, sorted(of_row, key=lambda column: (-dense[row, column], column))[:k]] = True
    kept = np.zeros((7, 11), dtype=bool)
    kept[sparse.row_codes(found), found.indices] = True
    assert kept.tolist() == expected.tolist()
    assert found.data.tolist() == dense[sparse.row_codes(found), found.indices].astype(np.float32).tolist()
