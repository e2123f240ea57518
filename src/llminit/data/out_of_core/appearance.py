"""Codes of items in order of appearance: whole numbers by a table of slots, other ids by polars' joins."""

import numpy as np
import polars as pl

from llminit.arrays import AnyArray, IntArray
from llminit.compiled.tables import codes_by_appearance

_AT_ONCE = 2**18
_FIRST_SLOTS = 2**20


class ItemCodes:
    """Codes of items in order of appearance."""

    def __init__(self) -> None:
        self._found: list[pl.Series] = []
        self._count = 0
        self._known: pl.DataFrame | None = None
        self._slots, self._slot_codes = _empty_slots(_FIRST_SLOTS)

    def __len__(self) -> int:
        return self._count

    @property
    def ids(self) -> pl.Series:
        """All items' ids, in the order of their codes."""
        return pl.concat(self._found).rename("id")

    def coded(self, ids: pl.Series) -> tuple[AnyArray, pl.Series]:
        """Return the codes of ids, uint32 of shape (n,), and the new ones among them, in order of appearance."""
        is_whole = ids.dtype.is_integer() and ids.dtype != pl.UInt64
        codes, new = self._coded_whole(ids) if is_whole else self._coded_by_joins(ids)
        self._found.append(new)
        self._count += len(new)
        return codes, new

    def _coded_whole(self, ids: pl.Series) -> tuple[AnyArray, pl.Series]:
        values = np.ascontiguousarray(ids.to_numpy(), dtype=np.int64)
        codes = np.empty(len(values), dtype=np.uint32)
        new: list[IntArray] = []
        count = self._count
        for start in range(0, len(values), _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            if 2 * (count + len(some)) > len(self._slots):
                self._grow(2 * (count + len(some)), new)
            codes[start : start + _AT_ONCE], added = codes_by_appearance(some, self._slots, self._slot_codes, count)
            new.append(added)
            count += len(added)
        return codes, pl.Series(np.concatenate([np.empty(0, dtype=np.int64), *new])).cast(ids.dtype)

    def _grow(self, needed: int, new: list[IntArray]) -> None:
        self._slots, self._slot_codes = _empty_slots(2 ** (2 * needed - 1).bit_length())
        known = [found.to_numpy().astype(np.int64) for found in self._found]
        codes_by_appearance(
            np.concatenate([np.empty(0, dtype=np.int64), *known, *new]), self._slots, self._slot_codes, 0
        )

    def _coded_by_joins(self, ids: pl.Series) -> tuple[AnyArray, pl.Series]:
        queries = ids.rename("id").to_frame()
        new = queries.unique(maintain_order=True)
        if self._known is not None:
            new = new.join(self._known, on="id", how="anti", maintain_order="left")
        codes = pl.Series("code", np.arange(self._count, self._count + len(new), dtype=np.uint32))
        added = new.with_columns(codes)
        self._known = added if self._known is None else pl.concat([self._known, added], rechunk=True)
        coded = queries.join(self._known, on="id", how="left", maintain_order="left")["code"]
        return coded.to_numpy(), new["id"]


def _empty_slots(count: int) -> tuple[IntArray, AnyArray]:
    return np.zeros(count, dtype=np.int64), np.full(count, -1, dtype=np.int32)
