"""Files that would be read as something else than what they say."""

from pathlib import Path

import pytest

from llminit.data import read_interactions, read_items
from llminit.errors import DataError

SWALLOWED = {
    "a.tsv": 'user_id\titem_id\ttitle\n1\t2\t"Alien\n2\t3\tJaws\n4\t5\tDune"\n6\t7\tHeat\n',
    "b.csv": 'user_id,item_id\n1,"Alien\n2,3\n4,5"\n6,7\n',
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_a_quote_that_swallows_rows(tmp_path: Path, name: str) -> None:
    """A double quote that opens a field and goes on over rows is refused, instead of losing these rows."""
    (tmp_path / name).write_text(SWALLOWED[name])
    with pytest.raises(DataError, match="look like rows that a double quote"):
        read_interactions(tmp_path / name)


def test_a_text_of_several_lines(tmp_path: Path) -> None:
    """A quoted text of several lines, with separators in it, is one field."""
    text = "First, second\nthird, and more\n"
    (tmp_path / "a.csv").write_text(f'item_id,title,year\n1,"{text}",1999\n')
    assert read_items(tmp_path / "a.csv")["title"].to_list() == [text]


@pytest.mark.parametrize("value", ["1.0e20", "9007199254740993.0", "123456789012345678901234567890"])
def test_json_ids_that_lost_digits(tmp_path: Path, value: str) -> None:
    """An id that JSON gives as a float too long for its digits, or as a number of more than 64 bits, is refused."""
    (tmp_path / "a.jsonl").write_text(f'{{"user_id": {value}, "item_id": 1}}\n{{"user_id": 1, "item_id": 1}}\n')
    with pytest.raises(DataError, match=r"'user_id' of .*(lost digits|Int128)"):
        read_interactions(tmp_path / "a.jsonl")


def test_json_with_half_a_surrogate_pair(tmp_path: Path) -> None:
    """Half of a surrogate pair, which no text can hold, is refused with its line; a whole pair is a letter."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"item_id": "\\ud83d\\ude00"}\n')
    assert read_items(path)["item_id"].to_list() == ["\U0001f600"]
    path.write_text('{"item_id": "a"}\n{"item_id": "\\ud800"}\n')
    with pytest.raises(DataError, match=r"line 2 of .*half of a surrogate pair"):
        read_items(path)


@pytest.mark.parametrize("line", ["[1]", "5", "{", "NaN"])
def test_a_line_that_is_no_object(tmp_path: Path, line: str) -> None:
    """The first line that is no JSON object is named."""
    (tmp_path / "a.jsonl").write_text(f'{{"item_id": 1}}\n{line}\n')
    with pytest.raises(DataError, match=r"line 2 is .*expected one JSON object a line"):
        read_items(tmp_path / "a.jsonl")
