"""Arrays that are mapped from disk, and work on them some rows at a time, so that memory does not bound their size."""

import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from llminit.arrays import FloatArray
from llminit.errors import StorageError
from llminit.machine import free_space

BLOCK_VALUES = 2**22
"""Values of a block of rows: 16 MiB of float32."""


def is_mapped(values: Any) -> bool:
    """Return whether an array, or what it is a view of, is mapped from a file."""
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap):
            return True
        values = values.base
    return isinstance(values, mmap.mmap)


def row_blocks(values: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Yield runs of rows of about `BLOCK_VALUES` values, each with the number of its first row."""
    at_once = max(1, BLOCK_VALUES // max(1, values.shape[1]))
    for start in range(0, len(values), at_once):
        yield start, np.asarray(values[start : start + at_once])


def temporary_table(n_rows: int, width: int) -> FloatArray:
    """Return float32 zeros of shape (n_rows, width) in a file without a name, which goes when the array goes.

    Raises:
        StorageError: The folder for temporary files has too little room; said before any of it is written.
    """
    folder = Path(tempfile.gettempdir())
    needed, free = 4 * n_rows * width, free_space(folder)
    if needed > free:
        raise StorageError(
            f"a table of {n_rows} rows of width {width} needs {needed / 2**30:.2f} GiB in {folder}, and "
            f"{free / 2**30:.2f} GiB are free; free some space, or name another folder in TMPDIR"
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=(n_rows, width))


def taken(values: FloatArray, rows: Any) -> FloatArray:
    """Return some rows of a mapped array as another one.

    Args:
        values: float32 of shape (n, D).
        rows: int64 of shape (m,), or bool of shape (n,); -1 gives a row of zeros.
    """
    wanted = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
    result = temporary_table(len(wanted), values.shape[1])
    at_once = max(1, BLOCK_VALUES // values.shape[1])
    for start in range(0, len(wanted), at_once):
        some = wanted[start : start + at_once]
        result[start : start + at_once][some >= 0] = values[some[some >= 0]]
    return result
