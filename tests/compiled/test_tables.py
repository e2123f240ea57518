"""Kernels of tables out of core, compared with plain twins on random input."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.compiled.tables import core_mask, count_core, dense_codes, grouped_rows, keep_earliest, take_kept
from llminit.data.out_of_core.appearance import ItemCodes
from llminit.data.out_of_core.runs import MISSING, float_keys, float_values
from oracles_data import slow_first_of_each_pair, slow_k_core

_PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60)


@settings(deadline=None)
@given(groups=st.lists(st.integers(0, 5), max_size=50))
def test_rows_are_grouped_in_their_order(groups: list[int]) -> None:
    """Rows come by group, those of one group in their own order."""
    order, bounds = grouped_rows(np.array(groups, dtype=np.int32), 6)
    assert order.tolist() == sorted(range(len(groups)), key=lambda row: (groups[row], row))
    assert np.diff(bounds).tolist() == [groups.count(group) for group in range(6)]


@settings(deadline=None)
@given(values=st.lists(st.integers(-20, 20), min_size=1, max_size=50))
def test_codes_are_positions_among_the_distinct_values(values: list[int]) -> None:
    """Codes and distinct values are those of numpy's unique."""
    array = np.array(values, dtype=np.int64)
    codes, distinct = dense_codes(array, int(array.min()), int(array.max() - array.min()))
    expected, inverse = np.unique(array, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert codes.tolist() == inverse.tolist()


@settings(deadline=None, max_examples=40)
@given(batches=st.lists(st.lists(st.integers(-9, 9) | st.sampled_from([-(2**63), 2**63 - 1]), max_size=30), max_size=5))
def test_codes_are_given_in_order_of_appearance(batches: list[list[int]]) -> None:
    """Batches of whole numbers and of text get the codes of a dictionary that grows; new ones are said once."""
    known: dict[int, int] = {}
    whole, text = ItemCodes(), ItemCodes()
    for batch in batches:
        before = len(known)
        expected = [known.setdefault(value, len(known)) for value in batch]
        for codes, column in (
            (whole, pl.Series(batch, dtype=pl.Int64)),
            (text, pl.Series(map(str, batch), dtype=pl.String)),
        ):
            found, new = codes.coded(column)
            assert found.tolist() == expected
            assert [str(one) for one in new] == [str(one) for one in list(known)[before:]]
            assert len(codes) == len(known)


def test_many_items_make_the_table_grow() -> None:
    """More items than the first table has room for keep their codes."""
    codes = ItemCodes()
    values = pl.Series(np.random.default_rng(0).permutation(1_200_000) * 7)
    assert (codes.coded(values)[0] == np.arange(len(values))).all()
    assert (codes.coded(values[::-1])[0] == np.arange(len(values))[::-1]).all()
    assert codes.ids.equals(values.rename("id"))


@settings(max_examples=50, deadline=None)
@given(rows=_PAIRS, repeat=st.sampled_from([1, 1, 4]))
def test_the_earliest_row_of_each_pair_is_kept_in_order_of_time(rows: list[tuple[int, int, int]], repeat: int) -> None:
    """Kept rows are those of the slow twin, by user, then time, then row; histories of many rows too."""
    rows = rows * repeat
    users, items, times = (np.array(column) for column in zip(*rows, strict=True))
    order, bounds = grouped_rows(users.astype(np.int32), 6)
    counts = np.zeros(6, dtype=np.int64)
    items, times = items.astype(np.uint32), times.astype(np.int64)
    keep_earliest(order, bounds, items, times, counts)
    kept = take_kept(order, bounds, items, times, np.concatenate([[0], np.cumsum(counts)]))
    first = slow_first_of_each_pair(rows)
    expected = sorted(first, key=lambda row: (rows[row][0], rows[row][2], row))
    assert kept[0].tolist() == [rows[row][1] for row in expected]
    assert kept[1].tolist() == [rows[row][2] for row in expected]


@settings(max_examples=50, deadline=None)
@given(rows=_PAIRS, k=st.integers(1, 4))
def test_rounds_over_items_end_at_the_core(rows: list[tuple[int, int, int]], k: int) -> None:
    """Dropping rare items round by round, with users counted anew, ends at the slow twin's core."""
    pairs = sorted({row[:2] for row in rows})
    indptr = np.searchsorted([user for user, _ in pairs], range(7)).astype(np.int64)
    items = np.array([item for _, item in pairs], dtype=np.uint32)
    kept = np.ones(7, dtype=np.bool_)
    while True:
        counts = np.zeros(7, dtype=np.int64)
        _, n_interactions = count_core(indptr, items, kept, k, counts)
        if not (kept & (counts < k)).any():
            break
        kept &= counts >= k
    mask, degrees = core_mask(indptr, items, kept, k)
    expected = slow_k_core(pairs, k)
    assert [pair for pair, is_kept in zip(pairs, mask, strict=True) if is_kept] == expected
    assert n_interactions == degrees.sum() == len(expected)


@settings(deadline=None)
@given(values=st.lists(st.floats(), max_size=30))
def test_keys_of_floats_are_in_their_order_and_give_them_back(values: list[float]) -> None:
    """Whole-number keys sort as the numbers do, NaN last, and turn back into the same numbers."""
    array = np.array(values, dtype=np.float64)
    keys = float_keys(array)
    np.testing.assert_array_equal(float_values(keys), array + 0.0)
    np.testing.assert_array_equal(np.sort(array), float_values(np.sort(keys)))
    assert (keys[np.isnan(array)] == MISSING).all()


@pytest.mark.parametrize("n", [33, 1000])
def test_a_user_of_many_rows_is_sorted(n: int) -> None:
    """One user's long history is put in order as a stable sort by time does."""
    rng = np.random.default_rng(n)
    times, items = rng.integers(0, 20, n), rng.permutation(n).astype(np.uint32)
    counts = np.zeros(1, dtype=np.int64)
    order, bounds = grouped_rows(np.zeros(n, dtype=np.int32), 1)
    keep_earliest(order, bounds, items, times, counts)
    assert counts[0] == n
    assert order.tolist() == np.argsort(times, kind="stable").tolist()
