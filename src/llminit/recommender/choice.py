"""Which items a recommendation may hold, and in which kind of table it goes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, UnknownIdError


@dataclass(frozen=True, eq=False)
class Candidates:
    """The items that may be recommended.

    Attributes:
        removed: bool of shape (n_items,), what nobody gets; None where nothing is removed.
        by_user: CSR of shape (n_users, n_items), non-zero for what a single user does not get; None for nothing.
    """

    removed: BoolArray | None = None
    by_user: csr_array | None = None

    @classmethod
    def make(
        cls,
        items: Vocabulary,
        table: pl.DataFrame | None,
        candidates: Any,
        exclude: Any,
        where: Mapping[str, Any] | None,
        users: Vocabulary,
    ) -> "Candidates":
        """Read what `Recommender.recommend` is given.

        Raises:
            UnknownIdError: An id is not in the data.
            ConfigError: The item table has no such column.
        """
        if candidates is None and exclude is None and not where:
            return cls()
        removed = np.zeros(len(items), dtype=np.bool_)
        if candidates is not None:
            removed[:] = True
            removed[_codes(items, candidates, "candidates")] = False
        by_user = None
        if _is_table(exclude):
            by_user = _pairs(users, items, exclude)
        elif exclude is not None:
            removed[_codes(items, exclude, "excluded items")] = True
        for column, value in (where or {}).items():
            removed |= ~_has(table, column, value)
        return cls(removed, by_user)

    def remove(self, scores: FloatArray, users: IntArray) -> None:
        """Give what may not be recommended the score -inf; scores are float32 of shape (n, n_items), a row a user."""
        if self.removed is not None:
            np.copyto(scores, -np.inf, where=self.removed)  # Many times faster than a mask as an index.
        if self.by_user is not None:
            rows = self.by_user[users]
            scores[np.repeat(np.arange(len(users)), np.diff(rows.indptr)), rows.indices] = -np.inf


def as_given(table: pl.DataFrame, ids: Any) -> Any:
    """Return a table in the library of the ids that were given: pandas for pandas, Arrow for Arrow, else polars."""
    module = type(ids).__module__.partition(".")[0]
    if module == "pandas":
        return table.to_pandas()
    return table.to_arrow() if module == "pyarrow" else table


def _codes(items: Vocabulary, ids: Any, what: str) -> IntArray:
    codes = items.codes(ids)
    if (codes < 0).any():
        unknown = [list(ids)[row] for row in np.flatnonzero(codes < 0)[:3]]
        raise UnknownIdError(
            f"{int((codes < 0).sum())} of {len(codes)} {what} are not in the data, such as "
            f"{', '.join(map(repr, unknown))}; leave them out"
        )
    return codes


def _is_table(exclude: Any) -> bool:
    return hasattr(exclude, "columns") and not isinstance(exclude, pl.Series)


def _pairs(users: Vocabulary, items: Vocabulary, exclude: Any) -> csr_array:
    table = nw.from_native(exclude, eager_only=True).to_polars()
    missing = [name for name in ("user_id", "item_id") if name not in table.columns]
    if missing:
        raise ConfigError(
            f"the table of excluded items has no column {missing[0]!r}; found: {', '.join(table.columns)}; name its "
            "columns user_id and item_id"
        )
    rows, columns = users.codes(table["user_id"]), items.codes(table["item_id"])
    # What is not known is not recommended anyway.
    known = (rows >= 0) & (columns >= 0)
    ones = np.ones(int(known.sum()), dtype=np.float32)
    return csr_array((ones, (rows[known], columns[known])), shape=(len(users), len(items)))


def _has(table: pl.DataFrame | None, column: str, value: Any) -> BoolArray:
    """Return which items have one of some values in a column; a list column needs to hold one of them."""
    if table is None or column not in table.columns:
        known = "it has no item table" if table is None else f"it has: {', '.join(table.columns)}"
        raise ConfigError(f"the items have no column {column!r}; {known}; fit with an item table that has it")
    values = list(value) if isinstance(value, list | tuple | set) else [value]
    series = table[column]
    if isinstance(series.dtype, pl.List | pl.Array):
        texts = series.cast(pl.List(pl.String))
        kept = table.select(pl.lit(texts).list.eval(pl.element().is_in([str(one) for one in values])).list.any())
        holds_one: BoolArray = kept.to_series().fill_null(value=False).to_numpy()
        return holds_one
    matched = series.cast(pl.String).is_in([str(one) for one in values]).fill_null(value=False)
    result: BoolArray = matched.to_numpy()
    return result
