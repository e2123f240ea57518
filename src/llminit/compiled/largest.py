"""The largest values of each row of a sparse matrix."""

from typing import Any

import numpy as np
from numba import prange

from llminit.arrays import AnyArray, IntArray
from llminit.compiled.cache import kernel


@kernel(parallel=True)
def mark_largest(indptr: IntArray, columns: IntArray, values: AnyArray, k: int, kept: Any) -> None:
    """Mark the k largest values of each row; of equal ones, those in lower columns.

    Args:
        indptr: int64 of shape (n_rows + 1,), the bounds of each row's values.
        columns: Whole numbers of shape (n,), each once in a row, in any order.
        values: Numbers of shape (n,), none of them NaN.
        k: How many to keep, at least 1.
        kept: bool of shape (n,), filled.
    """
    for row in prange(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        if stop - start <= k:
            kept[start:stop] = True
            continue
        of_row, columns_of_row = values[start:stop], columns[start:stop]
        smallest = np.partition(of_row, stop - start - k)[stop - start - k]
        n_larger = np.count_nonzero(of_row > smallest)
        last_column = np.sort(columns_of_row[of_row == smallest])[k - n_larger - 1]
        for index in range(stop - start):
            value = of_row[index]
            kept[start + index] = value > smallest or (value == smallest and columns_of_row[index] <= last_column)
