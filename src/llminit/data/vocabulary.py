"""Ids to codes and back: the caller's ids and their row numbers 0..n-1."""

import difflib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from llminit import ids as id_values
from llminit.arrays import IntArray
from llminit.errors import UnknownIdError, listed, shown

# So many ids are looked up one by one.
_FEW = 64

# Longer ids are compared by their first characters.
_COMPARED = 60


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The known ids of one kind; the code of an id is its position in `ids`.

    Ids are sorted, so codes do not depend on the order of the caller's rows.
    """

    ids: pl.Series
    """Unique, without nulls, ascending; of the type that the caller gave."""
    kind: str = "item"
    """What the ids stand for, in messages: "user" or "item"."""

    @classmethod
    def from_ids(cls, ids: pl.Series, kind: str = "item") -> Self:
        """Make a vocabulary of the distinct ids in a column; nulls are left out."""
        return cls(ids.drop_nulls().unique().sort().rename("id"), kind)

    def __len__(self) -> int:
        return len(self.ids)

    def codes(self, ids: Any) -> IntArray:
        """Return the code of each id: int64 of shape (len(ids),), with -1 for an id that is not known.

        Ids of another type are converted where that loses nothing: the text "12" finds the number 12, "012" does not.

        Raises:
            DataError: The ids are of a type that cannot be an id, or one id and no list.
        """
        series = id_values.requested(ids, f"{self.kind} ids")
        if len(series) <= _FEW:
            return self._codes_of_few(series)
        queries = pl.DataFrame({"id": id_values.converted(series, self.ids.dtype)})
        known = pl.DataFrame({"id": self.ids, "code": np.arange(len(self), dtype=np.int64)})
        codes = queries.join(known, on="id", how="left", maintain_order="left")["code"]
        return codes.fill_null(-1).to_numpy()

    def _codes_of_few(self, ids: pl.Series) -> IntArray:
        """Look a few ids up one by one: a join would read all that are known."""
        queries = id_values.converted(ids, self.ids.dtype)
        return np.array([self._code_by_id.get(query, -1) for query in queries.to_list()], dtype=np.int64)

    @cached_property
    def _code_by_id(self) -> dict[Any, int]:
        return {known: code for code, known in enumerate(self.ids.to_list())}

    def ids_of(self, codes: ArrayLike) -> pl.Series:
        """Return the ids of codes (whole numbers, 0..n-1), in the same order.

        Raises:
            UnknownIdError: A code is not in 0..n-1.
        """
        rows = np.asarray(codes, dtype=np.int64)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise UnknownIdError(
                f"found {self.kind} codes from {rows.min()} to {rows.max()}; expected 0 to {len(self) - 1}: "
                "give codes of this vocabulary"
            )
        return self.ids.gather(rows)

    def code_of(self, identifier: Any) -> int:
        """Return the code of one id.

        Raises:
            UnknownIdError: The id is not known; the message names similar ids.
        """
        code = int(self.codes([identifier])[0])
        if code < 0:
            raise UnknownIdError(
                f"unknown {self.kind} id {shown(identifier)}; expected one of the {len(self)} {self.kind} "
                f"ids in the data, such as {self._similar(identifier)}: check the id"
            )
        return code

    def _similar(self, identifier: Any) -> str:
        # Comparing with millions of ids takes seconds, so only ids with the same two first characters are compared.
        text = self.ids.cast(pl.String)
        wanted = str(identifier)[:_COMPARED]
        candidates = text.filter(text.str.starts_with(wanted[:2])).head(5000).str.head(_COMPARED).to_list()
        close = difflib.get_close_matches(wanted, candidates, n=3, cutoff=0.5)
        examples = close or text.head(3).to_list()
        return listed(examples)
