"""Filtered tables become codes in a known order, with the item table beside them."""

import numpy as np
import polars as pl
import pytest

from llminit.data import Interactions, make_dataset, to_csr
from llminit.errors import DataError


def interactions(rows, *names):
    return pl.DataFrame(rows, schema=["user_id", "item_id", *names], orient="row")


def test_order_is_user_then_time_then_row():
    """Interactions are sorted by user, then time with missing times last, then the order of the rows."""
    rows = [("b", 1, 5), ("a", 9, None), ("a", 3, 7), ("b", 2, 5), ("a", 2, 1), ("b", 3, 4), ("a", 1, None)]
    dataset = make_dataset(interactions(rows, "timestamp"))
    assert dataset.users.ids_of(dataset.interactions.users).to_list() == ["a"] * 4 + ["b"] * 3
    assert dataset.items.ids_of(dataset.interactions.items).to_list() == [2, 3, 9, 1, 3, 1, 2]
    assert np.array_equal(dataset.interactions.timestamps, [1, 7, np.nan, np.nan, 4, 5, 5], equal_nan=True)


def test_order_without_times_is_user_then_row():
    """Without timestamps the order of the rows decides, and there is no timestamps array."""
    dataset = make_dataset(interactions([(2, 5), (1, 9), (2, 3), (1, 1)]))
    assert dataset.items.ids_of(dataset.interactions.items).to_list() == [9, 1, 5, 3]
    assert dataset.interactions.timestamps is None


def test_whole_timestamps_stay_whole():
    """Timestamps without a gap keep every digit."""
    dataset = make_dataset(interactions([(1, 1, 2**60 + 1), (1, 2, 2**60)], "timestamp"))
    assert dataset.interactions.timestamps.tolist() == [2**60, 2**60 + 1]


def test_item_table_has_one_row_an_item():
    """Rows come in code order; items without interactions are dropped, items without a row have nulls."""
    items = pl.DataFrame({"item_id": [9, 3, 1], "title": ["nine", "three", "one"], "vec": [[1.0], [2.0], [3.0]]})
    dataset = make_dataset(interactions([(1, 3), (1, 1), (2, 2)]), items)
    assert dataset.item_table.to_dicts() == [
        {"item_id": 1, "title": "one", "vec": [3.0]},
        {"item_id": 2, "title": None, "vec": None},
        {"item_id": 3, "title": "three", "vec": [2.0]},
    ]
    assert dataset.item_titles().to_list() == ["one", None, "three"]


@pytest.mark.parametrize("column", ["title", "name", "movie_title"])
def test_titles_by_any_usual_name(column):
    """A title, name or movie_title column gives the titles; without one, or without a table, there are none."""
    rows = interactions([(1, 1)])
    assert make_dataset(rows, pl.DataFrame({"item_id": [1], column: ["x"]})).item_titles().to_list() == ["x"]
    assert make_dataset(rows, pl.DataFrame({"item_id": [1], "brand": ["x"]})).item_titles() is None
    assert make_dataset(rows).item_titles() is None


@pytest.mark.parametrize(
    ("ids", "item_ids"), [([12, 7], ["12", "7", "x"]), (["12", "x7"], [12, 7]), ([12.0, 7.0], [12, 8])]
)
def test_item_ids_of_another_type_are_matched(ids, item_ids):
    """Where one table has text and the other numbers, equal ids still meet, in the interactions' type."""
    items = pl.DataFrame({"item_id": item_ids, "title": [str(number) for number in item_ids]})
    dataset = make_dataset(interactions([(1, each) for each in ids]), items)
    assert dataset.item_table["item_id"].to_list() == sorted(ids)
    assert "12" in dataset.item_titles().to_list()


def test_tables_that_share_no_item():
    """When nothing matches, the error shows ids of both tables."""
    with pytest.raises(DataError, match=r"such as 1, 2 \(Int64\).*has 'B1', 'B2' \(String\)"):
        make_dataset(interactions([(1, 1), (1, 2)]), pl.DataFrame({"item_id": ["B1", "B2"]}))


def test_csr_is_ones():
    """The matrix has a float32 one wherever there is an interaction, however often, with sorted columns."""
    pairs = Interactions(np.array([1, 0, 1, 1]), np.array([2, 1, 0, 2]))
    matrix = to_csr(pairs, 3, 4)
    assert matrix.dtype == np.float32
    assert matrix.indices.tolist() == [1, 0, 2]
    assert matrix.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_take_by_positions_and_by_mask():
    """Interactions are taken by positions in their order or by a mask, timestamps along."""
    three = Interactions(np.arange(3), np.arange(3) + 5, np.array([9, 8, 7]))
    assert three.take([2, 0]).timestamps.tolist() == [7, 9]
    assert three.take(np.array([False, True, True])).items.tolist() == [6, 7]
    assert len(three.take([])) == 0
