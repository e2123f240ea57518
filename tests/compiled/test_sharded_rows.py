"""The kernels of rows that are spread over ranks, against their slow twins."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.compiled.adam import AdamState, adam_constants
from llminit.compiled.graph import ABSENT
from llminit.compiled.sharded import GRADIENT_ONLY, list_rows, update_rows
from oracles import adam_of_rows, assert_close, listed_rows


@settings(deadline=None)
@given(st.lists(st.integers(0, 19), max_size=40), st.integers(1, 5))
def test_listed_rows(entries: list[int], n_ranks: int) -> None:
    """Each distinct row is listed once, by rank, entries find theirs, and the memory is clean afterwards."""
    position, n = np.full(20, ABSENT), len(entries)
    rows, index, counts = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n_ranks, dtype=np.int64)
    n_rows = list_rows(np.array(entries, dtype=np.int64), n_ranks, position, rows, index, counts)
    assert (rows[:n_rows].tolist(), index.tolist(), counts.tolist()) == listed_rows(entries, n_ranks)
    assert (position == ABSENT).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=25), st.integers(1, 3), st.integers(1, 50))
def test_updated_rows(places: list[int], n_threads: int, step: int) -> None:
    """Rows take Adam's step for the sum of their gradients, all others stay, whatever the number of threads."""
    rng = np.random.default_rng(len(places))
    table, mean, square = (rng.random((10, 4), dtype=np.float32) for _ in range(3))
    gradients = rng.standard_normal((len(places), 4), dtype=np.float32)
    expected = adam_of_rows(table, mean, square, places, gradients, step, 0.01)
    state, position = AdamState(table, mean, square), np.full(10, ABSENT)
    memory = np.empty((3, len(places) + 2), dtype=np.int32)
    codes = np.array(places, dtype=np.int64)
    update_rows(codes, gradients, state, adam_constants(step, 0.01), position, memory, n_threads)
    for array, twin in zip(state, expected, strict=True):
        assert_close(array, twin, 1e-5)
    assert (position == ABSENT).all()


def test_a_step_that_leaves_the_gradient() -> None:
    """With the constants of a gradient alone, parameters stay and the mean is the gradient, bit for bit."""
    rng = np.random.default_rng(0)
    table, gradients = rng.random((6, 3), dtype=np.float32), rng.standard_normal((6, 3), dtype=np.float32)
    state = AdamState(table.copy(), *(rng.random((6, 3), dtype=np.float32) for _ in range(2)))
    memory, position = np.empty((3, 6), dtype=np.int32), np.full(6, ABSENT)
    update_rows(np.arange(6), gradients, state, GRADIENT_ONLY, position, memory, 1)
    np.testing.assert_array_equal(state.values, table)
    np.testing.assert_array_equal(state.mean, gradients)
