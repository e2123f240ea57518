"""Kernels of tables that are prepared out of core: grouping rows, dropping repeats, counting a k-core.

`tests/oracles_tables.py` holds their plain twins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llminit.arrays import BoolArray, IntArray
from llminit.compiled.cache import kernel

Codes = NDArray[np.int32]
Items = NDArray[np.uint32]


@kernel(nogil=True)
def grouped_rows(groups: Codes, n_groups: int) -> tuple[Codes, IntArray]:
    """Return the rows in order of their group, rows of one group in their own order, and where each group begins.

    Args:
        groups: int32 of shape (n,), each row's group.
        n_groups: Number of groups.

    Returns:
        int32 of shape (n,) and int64 of shape (n_groups + 1,).
    """
    bounds = np.zeros(n_groups + 1, dtype=np.int64)
    for group in groups:
        bounds[group + 1] += 1
    for group in range(n_groups):
        bounds[group + 1] += bounds[group]
    following = bounds[:-1].copy()
    order = np.empty(len(groups), dtype=np.int32)
    for row in range(len(groups)):
        order[following[groups[row]]] = row
        following[groups[row]] += 1
    return order, bounds


@kernel(nogil=True)
def dense_codes(values: IntArray, lowest: int, span: int) -> tuple[Codes, IntArray]:
    """Return each value's position among the distinct values, and these, ascending.

    Args:
        values: int64 of shape (n,).
        lowest: The lowest of them.
        span: The highest less the lowest; a table of so many numbers is made.

    Returns:
        int32 of shape (n,) and int64 of shape (n_distinct,).
    """
    code_of = np.full(span + 1, -1, dtype=np.int32)
    for value in values:
        code_of[value - lowest] = 0
    n_distinct = 0
    for offset in range(span + 1):
        if code_of[offset] == 0:
            code_of[offset] = n_distinct
            n_distinct += 1
    distinct = np.empty(n_distinct, dtype=np.int64)
    codes = np.empty(len(values), dtype=np.int32)
    for row in range(len(values)):
        code = code_of[values[row] - lowest]
        codes[row] = code
        distinct[code] = values[row]
    return codes, distinct


@kernel(nogil=True)
def codes_by_appearance(values: IntArray, slots: IntArray, slot_codes: Codes, n_known: int) -> tuple[Items, IntArray]:
    """Return each value's code in order of first appearance, and the values that are new, which are added to the table.

    Args:
        values: int64 of shape (n,).
        slots: int64 of shape (2**bits,), the known values by open addressing; more than twice as many as there can be.
        slot_codes: int32 of shape (2**bits,), their codes; -1 in a slot that is free.
        n_known: How many values are known.

    Returns:
        uint32 of shape (n,) and int64 of shape (n_new,).
    """
    codes = np.empty(len(values), dtype=np.uint32)
    new = np.empty(len(values), dtype=np.int64)
    n_new, mask = 0, len(slots) - 1
    for row in range(len(values)):
        value = values[row]
        # Multiplied by 2**64 over the golden ratio (Knuth, volume 3, 6.4); its upper half is well mixed.
        slot = int((np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask
        while slot_codes[slot] >= 0 and slots[slot] != value:
            slot = (slot + 1) & mask
        if slot_codes[slot] < 0:
            slots[slot], slot_codes[slot] = value, n_known + n_new
            new[n_new] = value
            n_new += 1
        codes[row] = slot_codes[slot]
    return codes, new[:n_new]


@kernel(nogil=True)
def keep_earliest(order: Codes, bounds: IntArray, items: Items, times: IntArray, counts: IntArray) -> None:
    """Move each user's earliest row of every item to the front, in order of time; equal times keep the rows' order.

    Args:
        order: int32 of shape (n,), the rows by user; changed.
        bounds: int64 of shape (n_users + 1,), where each user's rows begin in `order`.
        items: uint32 of shape (n,), by row.
        times: int64 of shape (n,), by row; the largest number where the time is missing.
        counts: int64 of shape (n_users,), set to how many rows each user keeps.
    """
    for user in range(len(counts)):
        rows = order[bounds[user] : bounds[user + 1]]
        _sort(rows, items, times, 1)
        count = 0
        for index in range(len(rows)):
            if count == 0 or items[rows[index]] != items[rows[count - 1]]:
                rows[count] = rows[index]
                count += 1
        _sort(rows[:count], items, times, 0)
        counts[user] = count


@kernel(nogil=True)
def take_kept(
    order: Codes, bounds: IntArray, items: Items, times: IntArray, starts: IntArray
) -> tuple[Items, IntArray]:
    """Return the items and times of the rows that `keep_earliest` kept.

    Args:
        order: As it left them.
        bounds: As it was given.
        items: The same.
        times: The same.
        starts: int64 of shape (n_users + 1,), where each user's kept rows begin.
    """
    kept_items = np.empty(starts[-1], dtype=np.uint32)
    kept_times = np.empty(starts[-1], dtype=np.int64)
    for user in range(len(bounds) - 1):
        for index in range(starts[user + 1] - starts[user]):
            row = order[bounds[user] + index]
            kept_items[starts[user] + index] = items[row]
            kept_times[starts[user] + index] = times[row]
    return kept_items, kept_times


@kernel()
def _sort(rows: Codes, items: Items, times: IntArray, by_item: int) -> None:
    """Sort rows by item (where `by_item` is 1), then time, then row, by Shell's method (1959)."""
    gap = 1
    while gap < len(rows) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for end in range(gap, len(rows)):
            row, at = rows[end], end
            while at >= gap and _is_before(row, rows[at - gap], items, times, by_item):
                rows[at] = rows[at - gap]
                at -= gap
            rows[at] = row
        gap //= 3


@kernel()
def _is_before(row: Any, other: Any, items: Items, times: IntArray, by_item: int) -> bool:
    if by_item and items[row] != items[other]:
        return bool(items[row] < items[other])
    return bool(times[row] < times[other] or (times[row] == times[other] and row < other))


@kernel()
def count_core(indptr: IntArray, items: Items, kept_items: BoolArray, k: int, counts: IntArray) -> tuple[int, int]:
    """Add the interactions of users who have at least k with kept items to the items' counts.

    Args:
        indptr: int64 of shape (n_users + 1,), where each user begins in `items`.
        items: uint32 of shape (n,).
        kept_items: bool of shape (n_items,).
        k: Least number of interactions of a kept user.
        counts: int64 of shape (n_items,), added to.

    Returns:
        How many such users there are, and how many interactions they have with kept items.
    """
    n_users, n_interactions = 0, 0
    for user in range(len(indptr) - 1):
        own = items[indptr[user] : indptr[user + 1]]
        degree = 0
        for item in own:
            degree += kept_items[item]
        if degree < k:
            continue
        n_users += 1
        n_interactions += degree
        for item in own:
            counts[item] += kept_items[item]
    return n_users, n_interactions


@kernel()
def core_mask(indptr: IntArray, items: Items, kept_items: BoolArray, k: int) -> tuple[BoolArray, IntArray]:
    """Return which interactions are in the core, and how many each user has there; see `count_core`.

    Returns:
        bool of shape (n,) and int64 of shape (n_users,).
    """
    kept = np.zeros(len(items), dtype=np.bool_)
    degrees = np.zeros(len(indptr) - 1, dtype=np.int64)
    for user in range(len(indptr) - 1):
        start, stop = indptr[user], indptr[user + 1]
        degree = 0
        for item in items[start:stop]:
            degree += kept_items[item]
        if degree < k:
            continue
        degrees[user] = degree
        for index in range(start, stop):
            kept[index] = kept_items[items[index]]
    return kept, degrees
