"""Filtered tables become codes in a known order, with the item table beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from llminit.arrays import AnyArray
from llminit.data import Dataset, Interactions, make_dataset, to_csr
from llminit.data.dataset import order_of
from llminit.errors import DataError


def interactions(rows: Sequence[tuple[Any, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user_id", "item_id", *names], orient="row")


def times_of(interactions: Interactions) -> AnyArray:
    """The timestamps, which are there."""
    assert interactions.timestamps is not None
    return interactions.timestamps


def table_of(dataset: Dataset) -> pl.DataFrame:
    """The item table, which is there."""
    assert dataset.item_table is not None
    return dataset.item_table


def titles_of(dataset: Dataset) -> list[str | None]:
    """The titles, which are there."""
    titles = dataset.item_titles()
    assert titles is not None
    return titles.to_list()


def test_order_is_user_then_time_then_row() -> None:
    """Interactions are sorted by user, then time with missing times last, then the order of the rows."""
    rows = [("b", 1, 5), ("a", 9, None), ("a", 3, 7), ("b", 2, 5), ("a", 2, 1), ("b", 3, 4), ("a", 1, None)]
    dataset = make_dataset(interactions(rows, "timestamp"))
    assert dataset.users.ids_of(dataset.interactions.users).to_list() == ["a"] * 4 + ["b"] * 3
    assert dataset.items.ids_of(dataset.interactions.items).to_list() == [2, 3, 9, 1, 3, 1, 2]
    assert np.array_equal(times_of(dataset.interactions), [1, 7, np.nan, np.nan, 4, 5, 5], equal_nan=True)


def test_order_without_times_is_user_then_row() -> None:
    """Without timestamps the order of the rows decides, and there is no timestamps array."""
    dataset = make_dataset(interactions([(2, 5), (1, 9), (2, 3), (1, 1)]))
    assert dataset.items.ids_of(dataset.interactions.items).to_list() == [9, 1, 5, 3]
    assert dataset.interactions.timestamps is None


def test_whole_timestamps_stay_whole() -> None:
    """Timestamps without a gap keep every digit."""
    dataset = make_dataset(interactions([(1, 1, 2**60 + 1), (1, 2, 2**60)], "timestamp"))
    assert times_of(dataset.interactions).tolist() == [2**60, 2**60 + 1]


def test_item_table_has_one_row_an_item() -> None:
    """Rows come in code order; items without interactions are dropped, items without a row have nulls."""
    items = pl.DataFrame({"item_id": [9, 3, 1], "title": ["nine", "three", "one"], "vec": [[1.0], [2.0], [3.0]]})
    dataset = make_dataset(interactions([(1, 3), (1, 1), (2, 2)]), items)
    assert table_of(dataset).to_dicts() == [
        {"item_id": 1, "title": "one", "vec": [3.0]},
        {"item_id": 2, "title": None, "vec": None},
        {"item_id": 3, "title": "three", "vec": [2.0]},
    ]
    assert titles_of(dataset) == ["one", None, "three"]


@pytest.mark.parametrize("column", ["title", "name", "movie_title"])
def test_titles_by_any_usual_name(column: str) -> None:
    """A title, name or movie_title column gives the titles; without one, or without a table, there are none."""
    rows = interactions([(1, 1)])
    assert titles_of(make_dataset(rows, pl.DataFrame({"item_id": [1], column: ["x"]}))) == ["x"]
    assert make_dataset(rows, pl.DataFrame({"item_id": [1], "brand": ["x"]})).item_titles() is None
    assert make_dataset(rows).item_titles() is None


@pytest.mark.parametrize(
    ("ids", "item_ids"), [([12, 7], ["12", "7", "x"]), (["12", "x7"], [12, 7]), ([12.0, 7.0], [12, 8])]
)
def test_item_ids_of_another_type_are_matched(ids: list[Any], item_ids: list[Any]) -> None:
    """Where one table has text and the other numbers, equal ids still meet, in the interactions' type."""
    items = pl.DataFrame({"item_id": item_ids, "title": [str(number) for number in item_ids]})
    dataset = make_dataset(interactions([(1, item) for item in ids]), items)
    assert table_of(dataset)["item_id"].to_list() == sorted(ids)
    assert "12" in titles_of(dataset)


def test_tables_that_share_no_item() -> None:
    """When nothing matches, the error shows ids of both tables."""
    with pytest.raises(DataError, match=r"such as 1, 2 \(Int64\).*has 'B1', 'B2' \(String\)"):
        make_dataset(interactions([(1, 1), (1, 2)]), pl.DataFrame({"item_id": ["B1", "B2"]}))


def test_csr_is_ones() -> None:
    """The matrix has a float32 one wherever there is an interaction, however often, with sorted columns."""
    pairs = Interactions(np.array([1, 0, 1, 1]), np.array([2, 1, 0, 2]))
    matrix = to_csr(pairs, 3, 4)
    assert matrix.dtype == np.float32
    assert matrix.indices.tolist() == [1, 0, 2]
    assert matrix.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_take_by_positions_and_by_mask() -> None:
    """Interactions are taken by positions in their order or by a mask, timestamps along."""
    three = Interactions(np.arange(3), np.arange(3) + 5, np.array([9, 8, 7]))
    assert times_of(three.take([2, 0])).tolist() == [7, 9]
    assert three.take(np.array([False, True, True])).items.tolist() == [6, 7]
    assert len(three.take([])) == 0


def test_the_order_is_that_of_time_and_then_of_the_rows() -> None:
    """Places count a user's interactions from 1; equal times keep the order of the rows, and missing ones come last."""
    rows = [("b", "x", 5), ("a", "z", 9), ("a", "y", 3), ("a", "x", 3), ("a", "w", None), ("b", "y", 4)]
    table = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    data = make_dataset(table)
    found = order_of(data.interactions, data.n_users, data.n_items)
    by_name = {("a", "y"): 1, ("a", "x"): 2, ("a", "z"): 3, ("a", "w"): 4, ("b", "y"): 1, ("b", "x"): 2}
    expected = np.zeros(found.shape, dtype=np.int32)
    for (user, item), place in by_name.items():
        expected[data.users.codes([user])[0], data.items.codes([item])[0]] = place
    np.testing.assert_array_equal(found.toarray(), expected)
    shuffled = data.interactions.take(np.array([3, 0, 5, 1, 4, 2]))
    assert (order_of(shuffled, data.n_users, data.n_items).toarray() > 0).sum() == 6
