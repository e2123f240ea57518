"""Filters of interactions, and their errors when nothing is left."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.config import FilterConfig
from llminit.data import make_dataset, read_interactions, read_items
from llminit.data.filter import apply_filters, drop_duplicates, k_core_mask, largest_core
from llminit.errors import DataError
from oracles_data import slow_first_of_each_pair, slow_k_core

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=60)


def frame(rows: Sequence[tuple[Any, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user_id", "item_id", *names], orient="row")


@given(PAIRS, st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_k_core_is_the_slow_one(pairs: list[tuple[int, int]], k: int) -> None:
    """The vectorised k-core keeps what round after round of counting keeps."""
    users = np.array([user for user, _ in pairs], dtype=np.int64)
    items = np.array([item for _, item in pairs], dtype=np.int64)
    kept = k_core_mask(users, items, k)
    assert list(zip(users[kept], items[kept], strict=True)) == slow_k_core(pairs, k)


@given(PAIRS.filter(len))
@settings(max_examples=30, deadline=None)
def test_largest_core_is_the_last_that_leaves_something(pairs: list[tuple[int, int]]) -> None:
    """The largest k leaves an interaction and the next larger one leaves none."""
    users, items = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    k = largest_core(users, items)
    assert slow_k_core(pairs, k)
    assert not slow_k_core(pairs, k + 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 3))), min_size=1))
@settings(max_examples=50, deadline=None)
def test_duplicates_keep_the_first_in_time(rows: list[tuple[int, int, int | None]]) -> None:
    """Of a repeated pair the earliest stays, ties and missing times by row; the rows keep their order."""
    table = pl.DataFrame(
        rows, schema={"user_id": pl.Int64, "item_id": pl.Int64, "timestamp": pl.Int64}, orient="row"
    ).with_row_index("row")
    assert drop_duplicates(table)["row"].to_list() == slow_first_of_each_pair(rows)


def test_duplicates_without_times_keep_the_first_row() -> None:
    """Without a timestamp column the first row of a pair stays."""
    assert drop_duplicates(frame([(1, 1, 5), (2, 1, 4), (1, 1, 3)], "rating"))["rating"].to_list() == [5, 4]


def test_a_missing_rating_fails_the_minimum() -> None:
    """The minimum is inclusive; null and NaN ratings fail it, and pass where no minimum is asked for."""
    table = frame([(1, 1, 4.0), (1, 2, 3.9), (1, 3, None), (1, 4, float("nan")), (1, 5, 5.0)], "rating")
    assert apply_filters(table, FilterConfig(min_rating=4))["item_id"].to_list() == [1, 5]
    assert len(apply_filters(table, FilterConfig())) == 5


def test_ratings_are_filtered_before_duplicates() -> None:
    """A pair whose first rating is too low is kept by its later one that is not."""
    table = frame([(1, 1, 2.0, 1), (1, 1, 5.0, 2)], "rating", "timestamp")
    assert apply_filters(table, FilterConfig(min_rating=4))["timestamp"].to_list() == [2]


def test_duplicates_do_not_count_for_the_core() -> None:
    """A pair that is there twice is one interaction when the k-core counts."""
    table = frame([(1, 1), (1, 1), (2, 1), (2, 2), (3, 1), (3, 2)])
    assert apply_filters(table, FilterConfig(k_core=2)).rows() == [(2, 1), (2, 2), (3, 1), (3, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_rating": 4.5}, r"minimum rating of 4.5 removes all 3 interactions; the highest rating is 4: lower"),
        ({"k_core": 9}, r"9-core removes all 3 interactions; the largest k that leaves any is 1: lower k_core"),
    ],
)
def test_a_filter_that_removes_all_is_named(options: dict[str, Any], message: str) -> None:
    """The error names the filter, how many interactions it removed, and what would leave some."""
    with pytest.raises(DataError, match=message):
        apply_filters(frame([(1, 1, 4), (2, 1, 3), (3, 2, 1)], "rating"), FilterConfig(**options))


def test_a_minimum_needs_ratings() -> None:
    """A minimum rating without a rating column is an error, not a filter that does nothing."""
    with pytest.raises(DataError, match="rating_column=NAME"):
        apply_filters(frame([(1, 1)]), FilterConfig(min_rating=4))


def test_no_rows_are_refused() -> None:
    """An empty table is an error before any filter."""
    with pytest.raises(DataError, match="no rows"):
        apply_filters(frame([]), FilterConfig())


@pytest.mark.parametrize(
    ("name", "counts"), [("amazon-beauty", (10_553, 6_086, 94_148)), ("amazon-toys", (11_268, 7_309, 95_420))]
)
def test_counts_of_the_paper(real_data: Callable[[str], Path], name: str, counts: tuple[int, int, int]) -> None:
    """Rating >= 4 and the 5-core leave exactly the published numbers of users, items and interactions."""
    folder = real_data(name)
    interactions, items = read_interactions(folder / "interactions.parquet"), read_items(folder / "items.parquet")
    dataset = make_dataset(interactions, items, FilterConfig(min_rating=4, k_core=5))
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == counts
    titles = dataset.item_titles()
    assert titles is not None
    assert titles.len() == dataset.n_items
