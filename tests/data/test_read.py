"""Tables are read from every format, ids unchanged, and what cannot be read is explained."""

import datetime
import gzip
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from llminit.config import ColumnNames
from llminit.data.read import read_interactions, read_items, read_table
from llminit.errors import DataError

TABLE = pl.DataFrame(
    {"user_id": ["u2", "u1"], "item_id": [7, 12], "rating": [3.5, 4.0], "timestamp": [881250949, 881250950]}
)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def as_text(separator: str) -> str:
    return TABLE.write_csv(separator=separator)


ATOMIC = "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu2\t7\t3.5\t881250949\nu1\t12\t4\t881250950\n"
FILES = {
    "a.csv": as_text(","),
    "a.tsv": as_text("\t"),
    "A.CSV": as_text(","),
    "a.csv.gz": as_text(","),
    "a.tsv.gz": as_text("\t"),
    "a.jsonl": TABLE.write_ndjson(),
    "a.ndjson": TABLE.write_ndjson(),
    "a.json": TABLE.write_ndjson(),
    "a.jsonl.gz": TABLE.write_ndjson(),
    "a.inter": ATOMIC,
}


@pytest.mark.parametrize("name", FILES)
def test_every_text_format_gives_the_same_table(tmp_path: Path, name: str) -> None:
    """CSV, TSV, JSON Lines and atomic files, compressed or not, give the same interactions."""
    assert read_interactions(write(tmp_path, name, FILES[name])).equals(TABLE)


@pytest.mark.parametrize(
    "frame",
    [TABLE, TABLE.lazy(), TABLE.to_pandas(), TABLE.to_arrow(), TABLE.to_pandas().astype(object)],
    ids=["polars", "polars-lazy", "pandas", "arrow", "pandas-object"],
)
def test_every_frame_gives_the_same_table(frame: Any) -> None:
    """pandas, polars (eager and lazy) and Arrow tables give the same interactions."""
    assert read_interactions(frame).equals(TABLE)


def test_parquet_and_a_path_as_text(tmp_path: Path) -> None:
    """Parquet files are read, and a path may be a str."""
    TABLE.write_parquet(tmp_path / "a.parquet")
    assert read_interactions(str(tmp_path / "a.parquet")).equals(TABLE)


def test_mark_line_ends_and_quotes(tmp_path: Path) -> None:
    """A byte order mark, Windows line ends, quoted separators and quoted line breaks are no part of the values."""
    path = write(tmp_path, "a.csv", b'\xef\xbb\xbfitem_id,title\r\n1,"x, ""y""\nz"\r\n2,w\r\n')
    assert read_items(path).to_dicts() == [{"item_id": 1, "title": 'x, "y"\nz'}, {"item_id": 2, "title": "w"}]


def test_ids_in_text_files_are_not_rewritten(tmp_path: Path) -> None:
    """Leading zeros survive, and so does all other text that merely looks like a number."""
    path = write(tmp_path, "a.csv", "item_id,title,price\n007,1984,1.50\n12,2001,2\n")
    assert read_items(path).rows() == [("007", 1984, "1.50"), ("12", 2001, "2")]


def test_atomic_types(tmp_path: Path) -> None:
    """Atomic columns lose their type's name and follow it; a double quote is an ordinary character there."""
    header = "item_id:token\tmovie_title:token_seq\tyear:token\tvec:float_seq\tprice:float"
    text = f'{header}\n1\t"A" b\t1995\t0.5 1\t2\n2\t\t\t\t\n'
    table = read_items(write(tmp_path, "a.item", text))
    assert table.columns == ["item_id", "movie_title", "year", "vec", "price"]
    assert table.schema["vec"] == pl.List(pl.Float32)
    assert table.row(0) == (1, '"A" b', 1995, [0.5, 1.0], 2.0)
    assert table.row(1) == (2, None, None, None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item_id\ttitle\n1\tx\n", "expected name:type"),
        ("item_id:token\tx:int\n1\t2\n", "expected name:type"),
        ("item_id:token\tx:float\n1\tmuch\n", "'x'.*declared as float"),
        ("item_id:token\tx:float_seq\n1\t0.5 a\n", "'x'.*declared as float_seq"),
    ],
)
def test_atomic_files_with_wrong_types(tmp_path: Path, text: str, message: str) -> None:
    """A header without types and a value that is not of its type are named."""
    with pytest.raises(DataError, match=message):
        read_items(write(tmp_path, "a.item", text))


def test_columns_are_mapped() -> None:
    """Columns of other names are found by the caller's mapping, and nothing else is carried along."""
    frame = TABLE.rename({"user_id": "who", "item_id": "what", "rating": "stars", "timestamp": "when"})
    names = ColumnNames(user_id="who", item_id="what", rating="stars", timestamp="when")
    assert read_interactions(frame.with_columns(extra=1), names).equals(TABLE)
    assert read_items(frame, ColumnNames(item_id="what")).columns == ["item_id", "who", "stars", "when"]


def test_rating_and_timestamp_may_be_absent_unless_named() -> None:
    """Optional columns are optional, but one that the caller named must be there."""
    frame = TABLE.select("user_id", "item_id")
    assert read_interactions(frame).columns == ["user_id", "item_id"]
    with pytest.raises(DataError, match=r"no column 'stars'.*rating_column=NAME"):
        read_interactions(frame, ColumnNames(rating="stars"))


def test_missing_column_is_helped() -> None:
    """A missing column's error lists the columns found, close names, and the option that maps them."""
    with pytest.raises(
        DataError, match=r"'user_id'; found: 'userId', 'item_id'.*close to it: 'userId'.*user_column=NAME"
    ):
        read_interactions(pl.DataFrame({"userId": [1], "item_id": [2]}))


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series([1.0, 2.0]),
        pl.Series([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]),
        pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
        pl.Series(["a", "b"], dtype=pl.String),
    ],
)
def test_ids_of_any_type(ids: pl.Series) -> None:
    """Numbers, dates and text are ids as they are."""
    assert read_interactions(pl.DataFrame({"user_id": ids, "item_id": ids}))["user_id"].equals(ids)


def test_categories_and_uuids_become_text() -> None:
    """Categories and UUID objects are ids by their text, from pandas and from polars."""
    one, two = uuid.uuid4(), uuid.uuid4()
    expected = [str(one), str(two)]
    for frame in (
        pd.DataFrame({"user_id": [one, two], "item_id": pd.Categorical(["a", "b"])}),
        pl.DataFrame({"user_id": [one, two], "item_id": pl.Series(["a", "b"], dtype=pl.Categorical)}),
    ):
        table = read_interactions(frame)
        assert table["user_id"].to_list() == expected
        assert table["item_id"].to_list() == ["a", "b"]
        assert table["item_id"].dtype == pl.String


def test_object_columns_of_lists() -> None:
    """A pandas column of number lists stays a column of lists."""
    frame = pd.DataFrame({"item_id": [1, 2], "embedding": [[0.5, 1.0], [2.0, 3.0]]})
    assert read_items(frame)["embedding"].to_list() == [[0.5, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize("values", [[1, "a"], [uuid.uuid4(), "a"], [object(), object()]])
def test_mixed_objects_are_refused(values: list[object]) -> None:
    """A pandas column with values of several types is named, instead of being turned into text silently."""
    with pytest.raises(
        DataError, match=r"'user_id' of the DataFrame holds values (of several types|without a type), such as"
    ):
        read_interactions(pd.DataFrame({"user_id": pd.Series(values, dtype=object), "item_id": [1, 2]}))


@pytest.mark.parametrize(
    "ids", [pl.Series(["a", None, "b", None]), pl.Series(["a", "", "b", ""]), pl.Series([1.0, float("nan"), 2.0, None])]
)
def test_missing_ids_are_counted(ids: pl.Series) -> None:
    """Null, NaN and empty ids are an error with their count and first row."""
    with pytest.raises(DataError, match=r"'user_id'.*2 missing ids of 4, the first in row 2"):
        read_interactions(pl.DataFrame({"user_id": ids, "item_id": [1, 2, 3, 4]}))


def test_list_ids_are_refused() -> None:
    """A column of lists cannot be ids."""
    with pytest.raises(DataError, match="cannot be an id"):
        read_interactions(pl.DataFrame({"user_id": [[1], [2]], "item_id": [1, 2]}))


def test_duplicate_items_are_counted() -> None:
    """An item table with an id twice is an error that counts and shows such ids."""
    with pytest.raises(DataError, match=r"2 item ids are in more than one row.*'b', 'a'"):
        read_items(pl.DataFrame({"item_id": ["b", "a", "b", "c", "a"]}))


def test_two_item_id_columns_are_refused() -> None:
    """A mapped item id beside another column called item_id is an error, not a silent choice."""
    with pytest.raises(DataError, match="besides 'asin'"):
        read_items(pl.DataFrame({"item_id": [1], "asin": [2]}), ColumnNames(item_id="asin"))


@pytest.mark.parametrize(
    "values",
    [["4", " 3.5", "", None], [4, 3.5, None, float("nan")]],
)
def test_ratings_become_numbers(values: list[Any]) -> None:
    """Ratings are Float64 whatever they came as; empty and NaN are missing."""
    frame = pl.DataFrame({"user_id": [1] * 4, "item_id": [1, 2, 3, 4], "rating": pl.Series(values, strict=False)})
    assert read_interactions(frame)["rating"].to_list() == [4.0, 3.5, None, None]


@pytest.mark.parametrize("values", [["4", "good"], [[1], [2]]])
def test_ratings_that_are_no_numbers(values: list[Any]) -> None:
    """A rating that is not a number is named with the option to map another column."""
    with pytest.raises(DataError, match=r"'rating'.*expected numbers.*rating_column=NAME"):
        read_interactions(pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "rating": values}))


SECONDS_2020 = 1577836800


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["2020-01-01", "2020-01-02"], [0, 86400]),
        (["2020-01-01T00:00:01Z", "2020-01-01 01:00:00+01:00"], [1, 0]),
        (["2020-01-01 00:00:00.5", "2020-01-01T00:01"], [0.5, 60]),
        ([datetime.date(2020, 1, 1), None], [0, None]),
        ([datetime.datetime(2020, 1, 1, 0, 0, 2), None], [2, None]),
        (["1577836801.0", ""], [1, None]),
    ],
)
def test_times_become_seconds(values: list[Any], seconds: list[float | None]) -> None:
    """Dates, times and ISO 8601 text, with and without a zone, become seconds since 1970; the rest is missing."""
    frame = pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "timestamp": values})
    expected = [None if second is None else SECONDS_2020 + second for second in seconds]
    assert read_interactions(frame)["timestamp"].to_list() == expected


@pytest.mark.parametrize(
    "values", [["2020-01-01", "yesterday"], ["1577836800", "2020-01-01"], [[1], [2]], [True, False]]
)
def test_times_without_an_order(values: list[Any]) -> None:
    """Text that is no time, numbers mixed with dates, and other types are refused."""
    with pytest.raises(DataError, match=r"'timestamp'.*expected numbers or ISO 8601"):
        read_interactions(pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "timestamp": values}))


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "a.xlsx": ("x", r"ends in '.xlsx'.*expected one of .csv, .tsv"),
    "plain": ("x", "ends in 'nothing'"),
    "a.parquet": ("PAR1 not really", "cannot read .* as .parquet.*damaged"),
    "a.csv": ("", "is empty"),
    "b.csv": ("user_id,item_id\n", "has no rows"),
    "c.csv": ("user_id,item_id\n1,2\n3,4,5\n", "line 3 has 3 fields where the header has 2"),
    "d.csv": (b"user_id,item_id\n1,\xe9\n", "UTF-8"),
    "e.csv": ("user_id,item_id,user_id\n1,2,3\n", "more than one column called 'user_id'"),
    "f.csv": ('user_id,item_id\n1,"2\n3,4\n', "cannot read"),
    "a.jsonl": ('{"user_id": 1,\n', "one JSON object a line"),
    "b.jsonl": ("", "is empty"),
    "c.json": ('[{"user_id": 1}]', "one JSON object a line"),
    "a.inter": ("", "is empty"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """An unknown ending, an empty, ragged, damaged or wrongly encoded file is explained."""
    content, message = BAD_FILES[name]
    with pytest.raises(DataError, match=message):
        read_interactions(write(tmp_path, name, content))


def test_a_damaged_archive(tmp_path: Path) -> None:
    """A truncated or false gzip file is explained."""
    whole = gzip.compress(b"user_id,item_id\n1,2\n")
    for name, content in (("a.csv.gz", whole[:-6]), ("b.csv.gz", b"user_id,item_id\n1,2\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="check that the file is whole"):
            read_table(tmp_path / name)


def test_no_file_a_folder_and_no_table(tmp_path: Path) -> None:
    """A missing file, a folder, and an object that is no table are explained."""
    with pytest.raises(DataError, match="found no file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"found dict; expected a path or"):
        read_table({"user_id": [1]})


def test_an_empty_frame_and_a_lazy_error() -> None:
    """A frame without rows, and a lazy one that cannot be computed, are explained."""
    with pytest.raises(DataError, match="has no rows"):
        read_items(pa.table({"item_id": pa.array([], pa.int64())}))
    with pytest.raises(DataError, match="cannot be computed"):
        read_items(pl.LazyFrame({"item_id": [1]}).select("nothing"))


def test_column_names_of_frames() -> None:
    """Columns of pandas that share a name, or are numbered instead of named, are refused."""
    for columns in (["user_id", "item_id", "item_id"], [0, 1, 2]):
        with pytest.raises(DataError, match="expected distinct names"):
            read_interactions(pd.DataFrame([[1, 2, 3]], columns=columns))
