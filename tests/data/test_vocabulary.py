"""Ids become codes and come back unchanged."""

import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.data.vocabulary import Vocabulary
from llminit.errors import UnknownIdError
from llminit.ids import converted, from_text

IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(st.text(alphabet=st.characters(codec="utf-8"), min_size=1), min_size=1),
    st.lists(st.dates(), min_size=1),
)


@given(IDS)
@settings(max_examples=50, deadline=None)
def test_ids_come_back_unchanged(values: list[Any]) -> None:
    """Codes run over 0..n-1 and give back the very ids that went in, for whole numbers, text and dates."""
    ids = pl.Series("id", values)
    vocabulary = Vocabulary.from_ids(ids)
    codes = vocabulary.codes(ids)
    assert vocabulary.ids_of(codes).to_list() == values
    assert sorted(set(codes.tolist())) == list(range(len(vocabulary))) == list(range(len(set(values))))


def test_codes_do_not_depend_on_row_order() -> None:
    """The same ids in another order have the same codes."""
    one, other = Vocabulary.from_ids(pl.Series(["b", "a", "c"])), Vocabulary.from_ids(pl.Series(["c", "b", "a"]))
    assert one.ids.to_list() == other.ids.to_list() == ["a", "b", "c"]


@pytest.mark.parametrize("unknown", ["012", "+12", "12.0", " 12", "x", 13, None, datetime.date(2020, 1, 1)])
def test_unknown_ids_are_minus_one(unknown: object) -> None:
    """An id that is not known, or would not come back unchanged as the known type, has code -1."""
    assert Vocabulary.from_ids(pl.Series([12, 7])).codes([unknown]).tolist() == [-1]


def test_ids_of_another_type_match_where_nothing_is_lost() -> None:
    """The text "12" finds the number 12 and the reverse, so that an id typed at a terminal is found."""
    assert Vocabulary.from_ids(pl.Series([12, 7])).codes(["12", "7"]).tolist() == [1, 0]
    assert Vocabulary.from_ids(pl.Series(["12", "07"])).codes([12, 7]).tolist() == [1, -1]
    assert Vocabulary.from_ids(pl.Series([1.0, 12.0])).codes([12]).tolist() == [1]
    assert Vocabulary.from_ids(pl.Series([datetime.date(2020, 1, 2)])).codes(["2020-01-02"]).tolist() == [0]


def test_no_ids_have_no_codes() -> None:
    """An empty list of ids is no error."""
    assert Vocabulary.from_ids(pl.Series([12])).codes([]).tolist() == []


def test_unknown_id_is_named_with_similar_ones() -> None:
    """The error for one unknown id says which, of which kind, and what is close to it."""
    users = Vocabulary.from_ids(pl.Series(["anna", "bert", "carl"]), "user")
    assert users.code_of("bert") == 1
    with pytest.raises(UnknownIdError, match=r"unknown user id 'anno'.*'anna'"):
        users.code_of("anno")


@pytest.mark.parametrize("code", [-1, 3])
def test_codes_outside_are_refused(code: int) -> None:
    """A code that is not in 0..n-1 is an error, not another id."""
    with pytest.raises(UnknownIdError, match="expected 0 to 2"):
        Vocabulary.from_ids(pl.Series(["a", "b", "c"])).ids_of([0, code])


@pytest.mark.parametrize("text", ["012", "+1", "1.0", " 1", "1e3", "9223372036854775808", "-0", "x"])
def test_text_stays_text_if_a_number_would_not_give_it_back(text: str) -> None:
    """One value that a whole number would not give back keeps the column as text."""
    column = pl.Series("id", ["1", text, None])
    assert from_text(column).to_list() == ["1", text, None]


def test_whole_numbers_in_text_become_numbers() -> None:
    """A text column of plain whole numbers is Int64, with its gaps."""
    assert from_text(pl.Series(["1", "-20", None])).to_list() == [1, -20, None]
    assert from_text(pl.Series([None, None], dtype=pl.String)).dtype == pl.String


def test_conversion_that_is_impossible_gives_nulls() -> None:
    """Types that cannot become one another match nothing, without an error."""
    assert converted(pl.Series([b"\xff"]), pl.String()).to_list() == [None]
    assert converted(pl.Series([2**53 + 1]), pl.Float64()).to_list() == [None]
