"""What answers at one moment: a recommender, and what is made of it once. A change makes another one."""

import re
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import IntArray
from llminit.recommender import Recommender
from llminit.recommender.choice import Candidates
from llminit.recommender.few import MANY
from llminit.serving.ann import Index
from llminit.serving.schemas import RecommendRequest

_KEPT_EXPOSURES = 8
_KEPT_FILTERS = 32
_FILTERED = (pl.String, pl.Categorical, pl.Int64, pl.Int32, pl.Boolean)
_MOST_VALUES = 40
_MOST_FACETS = 12


class Model:
    """A recommender that serves.

    Args:
        recommender: The recommender.
        loaded_at: When its folder was loaded, in seconds since 1970.
        version: Says which folder it is: the digest of its manifest.
        index: Of the items of the fit; None scores all items.
    """

    def __init__(self, recommender: Recommender, loaded_at: float, version: str, index: Index | None = None) -> None:
        self.recommender = _arranged(recommender)
        self.loaded_at, self.version, self.index = loaded_at, version, index
        self._exposed: OrderedDict[float, Recommender] = OrderedDict()
        self._chosen: OrderedDict[tuple[float | None, str], Candidates] = OrderedDict()
        self._lock = Lock()

    def changed(self, recommender: Recommender) -> "Model":
        """Return the model with what a change made of its recommender."""
        return Model(recommender, self.loaded_at, self.version, self.index)

    def at_exposure(self, exposure: float | None) -> Recommender:
        """Return the recommender with the dial where a question wants it; the last few are kept.

        Raises:
            ConfigError: It has no dial.
        """
        if exposure is None or exposure == self.recommender.exposure:
            return self.recommender
        with self._lock:
            if exposure not in self._exposed:
                self._exposed[exposure] = self.recommender.with_exposure(exposure)
                while len(self._exposed) > _KEPT_EXPOSURES:
                    self._exposed.popitem(last=False)
            self._exposed.move_to_end(exposure)
            return self._exposed[exposure]

    def candidates(self, recommender: Recommender, question: RecommendRequest) -> Candidates:
        """Return the items that a question may be answered with; those of the last few filters are kept.

        Raises:
            UnknownIdError: A candidate is not in the data.
            ConfigError: The item table has no such column, or no such value there.
        """
        excluded = question.exclude if question.diversity else []
        if not (question.candidates or question.only or excluded or question.candidates == []):
            return recommender.candidates(None, None, None)
        key = (recommender.exposure, repr((question.candidates, sorted(question.only.items()), excluded)))
        with self._lock:
            if key in self._chosen:
                self._chosen.move_to_end(key)
                return self._chosen[key]
        codes = recommender.items.codes(list(excluded)) if excluded else np.zeros(0, dtype=np.int64)
        known = recommender.items.ids_of(codes[codes >= 0])
        chosen = recommender.candidates(question.candidates, known if len(known) else None, question.only or None)
        with self._lock:
            self._chosen[key] = chosen
            while len(self._chosen) > _KEPT_FILTERS:
                self._chosen.popitem(last=False)
        return chosen

    def warm(self) -> "Model":
        """Make what the first question would have to wait for."""
        first = self.recommender.users.ids.head(1).to_list()
        if first and len(self.recommender.items):
            self.recommender.recommend(first, 1)
            self.recommender.items.codes([0])
        return self

    def find_items(self, words: str, most: int) -> list[dict[str, Any]]:
        """Return items that have all of some words in their title or id: whole words first, then by interactions."""
        texts = self._searched
        matched = pl.repeat(value=True, n=len(texts), eager=True) & pl.Series(self._can_be_shown)
        for word in words.lower().split():
            matched &= texts.str.contains(word, literal=True)
        codes = np.flatnonzero(matched.to_numpy())
        whole = np.zeros(len(codes), dtype=np.int64)
        for word in words.lower().split():
            whole += texts.gather(codes).str.contains(rf"(^|\W){re.escape(word)}(\W|$)").to_numpy()
        best = codes[np.lexsort((-self._popularity[codes], -whole))][:most]
        return self.item_rows(best)

    def find_users(self, text: str, most: int) -> list[Any]:
        """Return ids of users that begin with a text."""
        ids = self.recommender.users.ids
        if text:
            ids = ids.filter(ids.cast(pl.String).str.starts_with(text))
        found: list[Any] = ids.head(most).to_list()
        return found

    @cached_property
    def facets(self) -> list[dict[str, Any]]:
        """Columns of the item table with few values, and their most frequent ones: what one can filter by."""
        table = self.recommender.item_table
        facets = []
        for name in [] if table is None else table.columns:
            column = table[name] if table is not None else pl.Series()
            if name in ("item_id", "title") or column.dtype not in _FILTERED:
                continue
            counts = column.drop_nulls().value_counts(sort=True, name="count")
            if len(counts) <= max(_MOST_VALUES, len(column) // 10):
                facets.append({"name": name, "values": counts[name].head(_MOST_VALUES).to_list()})
        return facets[:_MOST_FACETS]

    def item_rows(self, codes: IntArray) -> list[dict[str, Any]]:
        """Return items with their titles, how many interactions they have, and whether they were added."""
        recommender = self.recommender
        columns = {
            "item_id": recommender.items.ids_of(codes).to_list(),
            "title": [None] * len(codes) if recommender.titles is None else recommender.titles.gather(codes).to_list(),
            "n_interactions": self._popularity[codes].tolist(),
            "added": recommender.folded[codes].tolist(),
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @cached_property
    def _searched(self) -> pl.Series:
        ids = self.recommender.items.ids.cast(pl.String)
        titles = self.recommender.titles
        texts = (
            ids
            if titles is None
            else pl.select(pl.concat_str(titles.cast(pl.String).fill_null(""), pl.lit(" "), ids)).to_series()
        )
        return texts.str.to_lowercase()

    @cached_property
    def _popularity(self) -> IntArray:
        return np.bincount(self.recommender.seen.indices, minlength=len(self.recommender.items))

    @cached_property
    def _can_be_shown(self) -> Any:
        removed = self.recommender.removed
        return np.ones(len(self.recommender.items), dtype=np.bool_) if removed is None else ~removed


def _arranged(recommender: Recommender) -> Recommender:
    """Return a recommender whose item vectors lie as what scores a few users at a time reads them.

    Up to `MANY` items that is a matrix product, which takes half the time where they lie dimension by dimension.
    """
    scorer: Any = recommender.model
    if scorer.form != "dot-product":
        return recommender
    arrange = np.asfortranarray if scorer.n_items < MANY else np.ascontiguousarray
    return replace(recommender, model=replace(scorer, items=arrange(scorer.items)))
