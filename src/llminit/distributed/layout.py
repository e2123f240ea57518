"""How a table is spread over ranks: by rows, one after the other, or by blocks of columns.

Row r is on rank r modulo the number of ranks, there at place r divided by it: codes follow what was read first, so that
blocks of rows would differ in how often they are used, and remainders do not.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from llminit.distributed.group import Group

_ROWS_AT_ONCE = 2**16
"""Rows on their way at a time, so that collecting a table needs little memory beside it."""


class Layout(Protocol):
    """Which part of a table of shape (n, d) each rank holds."""

    @property
    def kind(self) -> str:
        """`rows` or `columns`."""

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the whole table."""

    def part(self, table: torch.Tensor, rank: int, size: int) -> torch.Tensor:
        """Return a view of the part of a whole table, or of a run of its rows from a multiple of `size` on."""

    def common(self, run: slice, rank: int, size: int, earlier: int, n_earlier: int) -> tuple[Any, Any]:
        """Return which entries of a rank's part are in a run of rows of the part of a rank of another number of ranks.

        Args:
            run: Rows of the earlier rank's part.
            rank: The rank.
            size: Number of ranks.
            earlier: The earlier rank.
            n_earlier: Number of ranks then.

        Returns:
            Indices of the entries in the rank's part, and in the run.
        """


class RowLayout(NamedTuple):
    """Each rank holds every `size`-th row."""

    shape: tuple[int, int]
    kind: str = "rows"

    def part(self, table: torch.Tensor, rank: int, size: int) -> torch.Tensor:
        """See `Layout`."""
        return table[rank::size]

    def common(self, run: slice, rank: int, size: int, earlier: int, n_earlier: int) -> tuple[Any, Any]:
        """See `Layout`."""
        rows = np.arange(run.start, run.stop) * n_earlier + earlier
        (theirs,) = np.nonzero(rows % size == rank)
        return rows[theirs] // size, theirs


class ColumnLayout(NamedTuple):
    """Each rank holds a block of the columns of every row."""

    shape: tuple[int, int]
    kind: str = "columns"

    def part(self, table: torch.Tensor, rank: int, size: int) -> torch.Tensor:
        """See `Layout`."""
        return table[:, share(self.shape[1], rank, size)]

    def common(self, run: slice, rank: int, size: int, earlier: int, n_earlier: int) -> tuple[Any, Any]:
        """See `Layout`."""
        ours, theirs = share(self.shape[1], rank, size), share(self.shape[1], earlier, n_earlier)
        start, stop = max(ours.start, theirs.start), min(ours.stop, theirs.stop)
        stop = max(start, stop)
        every = slice(None)
        return (run, slice(start - ours.start, stop - ours.start)), (
            every,
            slice(start - theirs.start, stop - theirs.start),
        )


def layout_of(kind: str, shape: tuple[int, int]) -> Layout:
    """Return the layout of that kind: rows or columns."""
    return RowLayout(shape) if kind == "rows" else ColumnLayout(shape)


def share(n: int, rank: int, size: int) -> slice:
    """Return a rank's part of n things in a row; the parts differ by at most one."""
    return slice(rank * n // size, (rank + 1) * n // size)


def part_shape(layout: Layout, rank: int, size: int) -> tuple[int, int]:
    """Return the shape of the part of a rank."""
    n_rows, width = layout.part(torch.empty(layout.shape, device="meta"), rank, size).shape
    return n_rows, width


def scattered(group: Group, layout: Layout, table: torch.Tensor | None) -> torch.Tensor:
    """Give each rank its part of a table that rank 0 has.

    Args:
        group: The ranks.
        layout: Which part each has.
        table: float32 of `layout.shape` on rank 0; None on the others.

    Returns:
        A contiguous float32 tensor, this rank's own.
    """
    own = torch.empty(part_shape(layout, group.rank, group.size), device=group.device)
    if table is None:
        for run in _runs(own):
            group.receive(run, 0)
        return own
    for rank in range(1, group.size):
        for run in _runs(layout.part(table, rank, group.size)):
            group.send(run.contiguous().to(group.device), rank)
    own.copy_(layout.part(table, 0, group.size))
    return own


def collected(group: Group, layout: Layout, own: torch.Tensor) -> torch.Tensor | None:
    """Return the whole table on rank 0, on the CPU, and None on the others.

    Args:
        group: The ranks.
        layout: Which part each has.
        own: This rank's part.
    """
    if group.rank:
        for run in _runs(own):
            group.send(run, 0)
        return None
    table = torch.empty(layout.shape)
    layout.part(table, 0, group.size).copy_(own)
    for rank in range(1, group.size):
        for run in _runs(layout.part(table, rank, group.size)):
            run.copy_(group.receive(torch.empty(run.shape, device=group.device), rank))
    return table


def _runs(table: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield views of some rows at a time."""
    for start in range(0, len(table), _ROWS_AT_ONCE):
        yield table[start : start + _ROWS_AT_ONCE]
