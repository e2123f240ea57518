"""The k-core of interactions that are in parts on disk: rounds over all parts, until no more items are lost."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llminit.arrays import BoolArray
from llminit.compiled.tables import count_core
from llminit.data.out_of_core.parts import ITEMS, STARTS
from llminit.data.out_of_core.work import WorkFolder, mapped, write_array

_KEPT = "core-{round}.npy"


def core_items(parts: Sequence[Path], n_items: int, k: int, work: WorkFolder | None = None) -> tuple[BoolArray, int]:
    """Return which items are in the k-core, and how many interactions are.

    A user is in the core if they have at least k interactions with its items; that needs no state of its own.

    Args:
        parts: Folders of parts.
        n_items: Number of items.
        k: Least number of interactions of every user and item.
        work: Where every round leaves its state, from which a killed run continues.

    Returns:
        bool of shape (n_items,), and the number of interactions.
    """
    kept, number = _restored(work, n_items)
    while True:
        counts = np.zeros(n_items, dtype=np.int64)
        n_interactions = 0
        for part in parts:
            n_interactions += count_core(mapped(part / STARTS), mapped(part / ITEMS), kept, k, counts)[1]
        smaller = kept & (counts >= k)
        if np.array_equal(smaller, kept):
            return kept, n_interactions
        kept, number = smaller, number + 1
        if work is not None:
            _save(work, kept, number)


def largest_core(parts: Sequence[Path], n_items: int, highest: int) -> int:
    """Return the largest k up to `highest` whose k-core is not empty, by bisection, as cores are nested."""
    low, high = 0, highest
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if core_items(parts, n_items, middle)[1] else (low, middle - 1)
    return low


def _restored(work: WorkFolder | None, n_items: int) -> tuple[BoolArray, int]:
    mark = None if work is None else work.done("core-round")
    if work is None or mark is None:
        return np.ones(n_items, dtype=np.bool_), 0
    return np.array(mapped(work.path / _KEPT.format(round=mark["round"]))), int(mark["round"])


def _save(work: WorkFolder, kept: BoolArray, number: int) -> None:
    name = _KEPT.format(round=number)
    with work.new_file(name) as temporary:
        write_array(temporary, kept)
    work.finish("core-round", (name,), round=number)
    (work.path / _KEPT.format(round=number - 1)).unlink(missing_ok=True)
