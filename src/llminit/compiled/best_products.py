"""The items with the largest dot products, for a few queries at once, in one pass over the items.

A matrix product of a few rows with many items spends most of its time on laying out the items anew, and then its result
is written, masked and searched. Here each item is read once, and a product that is not among the best goes nowhere.
"""

from typing import Any

import numpy as np

from llminit.arrays import AnyArray, BoolArray, FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel

QUERIES_AT_ONCE = 4
"""Queries whose products with two items are summed in registers; the number of queries is a multiple of it."""

_ITEMS_AT_ONCE = 32


@kernel(nogil=True)
def best_products(
    queries: FloatArray,
    items: FloatArray,
    removed: BoolArray,
    indptr: IntArray,
    own: AnyArray,
    codes: Any,
    best: Any,
) -> bool:
    """Find each query's items with the largest dot products, largest first; of equal ones, lower codes first.

    Args:
        queries: float32 of shape (n, d), n a multiple of `QUERIES_AT_ONCE`.
        items: float32 of shape (n_items, d).
        removed: bool of shape (n_items,), what no query gets, or of shape (0,).
        indptr: int64 of shape (n + 1,), the bounds of each query's own removed items.
        own: Whole numbers of shape (nnz,), their codes, rising within each query.
        codes: int64 of shape (n, k), filled; -1 where there are fewer than k.
        best: float32 of shape (n, k), the products, filled; -inf where there are fewer.

    Returns:
        Whether all products are numbers; where one is NaN, what is filled in means nothing.
    """
    codes[:], best[:] = -1, -np.inf
    products = np.empty((QUERIES_AT_ONCE, _ITEMS_AT_ONCE), dtype=np.float32)
    for start in range(0, len(items), _ITEMS_AT_ONCE):
        block = items[start : start + _ITEMS_AT_ONCE]
        for first in range(0, len(queries), QUERIES_AT_ONCE):
            _products(queries[first : first + QUERIES_AT_ONCE], block, products)
            for row in range(QUERIES_AT_ONCE):
                query, found = first + row, products[row, : len(block)]
                if not _has_more(found, best[query, -1]):
                    continue
                if np.isnan(found).any():
                    return False
                removed_here = own[indptr[query] : indptr[query + 1]]
                _keep_best(found, start, removed, removed_here, codes[query], best[query])
    return True


@kernel(fastmath=FASTMATH)
def _products(queries: FloatArray, items: FloatArray, products: Any) -> None:
    """Fill in the dot products of four queries with some items, two items at a time."""
    one, two, three, four = queries[0], queries[1], queries[2], queries[3]
    last = len(items) - 1
    for item in range(0, len(items), 2):
        # The last item of an odd number is its own pair.
        left, right = items[item], items[min(item + 1, last)]
        a = b = c = d = e = f = g = h = np.float32(0)
        for column in range(len(left)):
            x, y = left[column], right[column]
            a += one[column] * x
            b += two[column] * x
            c += three[column] * x
            d += four[column] * x
            e += one[column] * y
            f += two[column] * y
            g += three[column] * y
            h += four[column] * y
        products[0, item], products[1, item], products[2, item], products[3, item] = a, b, c, d
        if item < last:
            products[0, item + 1], products[1, item + 1], products[2, item + 1], products[3, item + 1] = e, f, g, h


@kernel()
def _has_more(found: FloatArray, smallest: float) -> bool:
    """Return whether one of some products is larger than the smallest of the best, or NaN."""
    larger = False
    for product in found:
        larger |= not product <= smallest
    return larger


@kernel()
def _keep_best(found: FloatArray, start: int, removed: BoolArray, own: AnyArray, codes: Any, best: Any) -> None:
    """Put those of some products that are among a query's best where they belong; `start` is the first one's code."""
    for index in range(len(found)):
        product, code = found[index], start + index
        if product <= best[-1] or (len(removed) and removed[code]) or _is_in(own, code):
            continue
        place = len(best) - 1
        while place and best[place - 1] < product:
            best[place], codes[place] = best[place - 1], codes[place - 1]
            place -= 1
        best[place], codes[place] = product, code


@kernel()
def _is_in(rising: AnyArray, code: int) -> bool:
    """Return whether a code is among rising ones."""
    place = np.searchsorted(rising, code)
    return bool(place < len(rising) and rising[place] == code)
