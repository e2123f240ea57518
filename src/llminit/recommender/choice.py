"""Which items a recommendation may hold, and in which kind of table it goes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, UnknownIdError, listed, shown
from llminit.frames import as_texts, from_frame, from_values
from llminit.ids import converted, examples


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
        users: Vocabulary | None,
        unavailable: BoolArray | None = None,
    ) -> "Candidates":
        """Read what `Recommender.recommend` is given.

        Args:
            items: The known items.
            table: Their columns, or None.
            candidates: See `Recommender.recommend`.
            exclude: The same.
            where: The same.
            users: The known users; None where the lists are of no known users, who cannot be excluded from anything.
            unavailable: bool of shape (n_items,), what nobody gets whatever is asked for; None for nothing.

        Raises:
            UnknownIdError: An id is not in the data.
            ConfigError: The item table has no such column.
        """
        if candidates is None and exclude is None and not where:
            return cls(unavailable)
        removed = np.zeros(len(items), dtype=np.bool_) if unavailable is None else unavailable.copy()
        if candidates is not None:
            others = np.ones(len(items), dtype=np.bool_)
            others[_codes(items, candidates, "candidates")] = False
            removed |= others
        by_user = None
        if _is_table(exclude):
            if users is None:
                raise ConfigError("exclude is a table, expected a list of item ids: these lists are of no known users")
            by_user = _pairs(users, items, exclude)
        elif exclude is not None:
            removed[_codes(items, exclude, "excluded items")] = True
        if where is not None and not isinstance(where, Mapping):
            raise ConfigError(
                f"where={shown(where)} cannot be used; expected columns and values: write {{'brand': 'x'}}"
            )
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


def like_input(table: pl.DataFrame, ids: Any) -> Any:
    """Return a table in the library of the ids that were given: pandas for pandas, Arrow for Arrow, else polars."""
    module = type(ids).__module__.partition(".")[0]
    if module == "pandas":
        return table.to_pandas()
    return table.to_arrow() if module == "pyarrow" else table


def _codes(items: Vocabulary, ids: Any, what: str) -> IntArray:
    codes = items.codes(ids)
    if (codes < 0).any():
        unknown = from_values("ids", ids).to_list()
        raise UnknownIdError(
            f"{int((codes < 0).sum())} of {len(codes)} {what} are not in the data, such as "
            f"{listed(unknown[row] for row in np.flatnonzero(codes < 0)[:3])}; the item ids of the model are such as "
            f"{examples(items.ids)}: leave the others out"
        )
    return codes


def _is_table(exclude: Any) -> bool:
    return hasattr(exclude, "columns") and not isinstance(exclude, pl.Series)


def _pairs(users: Vocabulary, items: Vocabulary, exclude: Any) -> csr_array:
    table = from_frame(exclude)
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
        entries = series.to_frame().with_row_index("row").explode(column).drop_nulls(column)
        matched = np.zeros(len(series), dtype=np.bool_)
        matched[entries["row"].filter(_equal(entries[column], values)).to_numpy()] = True
    else:
        matched = _equal(series, values).to_numpy()
    if not matched.any():
        raise ConfigError(
            f"no item has {listed(values) or 'one of no values'} in the column {column!r}; it holds values such as "
            f"{examples(series.drop_nulls().unique(maintain_order=True))}: ask for one of those"
        )
    return matched


def _equal(series: pl.Series, values: list[Any]) -> pl.Series:
    """Return which entries are one of some values, either as they are or as text."""
    texts = as_texts(series)
    equal = (
        pl.repeat(value=False, n=len(series), eager=True) if texts is None else texts.is_in(list(map(_text, values)))
    )
    wanted = from_values("values", values)
    if not (wanted.dtype == pl.Object or wanted.dtype.is_nested() or wanted.dtype == pl.Binary):
        same = converted(wanted, series.dtype).drop_nulls()
        equal = equal | series.is_in(same.to_list())
    return equal.fill_null(value=False)


def _text(value: Any) -> str:
    # Lone surrogates match nothing, and no library takes them.
    return str(value).encode(errors="replace").decode()
