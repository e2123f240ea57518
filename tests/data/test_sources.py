"""Public data sets are fetched, checked and written; all from a server on this machine."""

import gzip
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from file_server import NOWHERE, Notes, Server
from llminit.config import ColumnNames
from llminit.data import get_source, list_sources, read_interactions, read_items
from llminit.data.sources import SOURCES, Source, SourceInfo
from llminit.data.sources.amazon import Amazon
from llminit.data.sources.movielens import GENRES, WHEEL_SHA256, MovieLens100K, MovieLensLatestSmall, download_wheel
from llminit.errors import ConfigError, DataError, EndpointError
from llminit.progress import SILENT

pytestmark = pytest.mark.usefixtures("pauses")


def zipped(**files: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# Two films of MovieLens-100K, an odd one with "(V)", and the one that is "unknown", as each publisher writes them.
U_DATA = "1\t1\t5\t874965758\n2\t4\t3\t888550871\n1\t2\t1\t874965759\n2\t3\t4\t888550872\n"


def u_item(number: int, title: str, *genres: str) -> str:
    flags = "|".join("1" if genre in genres else "0" for genre in GENRES)
    return f"{number}|{title}|01-Jan-1995||http://|{flags}\n"


U_ITEM = (
    u_item(1, "Misérables, Les (1995)", "Drama", "Musical")
    + u_item(2, "Shanghai Triad (Yao a yao) (1995) ", "Drama")
    + u_item(3, "Land Before Time III (1995) (V)", "Animation", "Children's")
    + u_item(4, "unknown", "unknown")
)
RECBOLE_INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + U_DATA
RECBOLE_ITEM = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tMisérables, Les\t1995\tDrama Musical
2\tShanghai Triad (Yao a yao)\t1995\tDrama
3\tLand Before Time III (1995)\tV\tAnimation Children's
4\tunkonwn\tunkonwn\tunknown
"""
SMALL_100K = SourceInfo("ml-100k", 2, 4, 4, "", "")
ARCHIVE_100K = zipped(**{"ml-100k/u.data": U_DATA, "ml-100k/u.item": U_ITEM.encode("latin-1")})


def make_wheel(folder: Path) -> Path:
    path = folder / "recbole-1.2.1-py3-none-any.whl"
    name = "recbole/dataset_example/ml-100k/ml-100k"
    path.write_bytes(zipped(**{f"{name}.inter": RECBOLE_INTER, f"{name}.item": RECBOLE_ITEM}))
    return path


def no_wheel(_folder: Path) -> Path:
    raise EndpointError("pip cannot fetch it")


def hundred_k(url: str, get_wheel: Callable[[Path], Path] = no_wheel, *, sha256: str | None = None) -> MovieLens100K:
    """Return the small MovieLens-100K of this file."""
    return MovieLens100K(url, get_wheel, SMALL_100K, sha256)


def fetch(source: Source, folder: Path, notes: Notes | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    name, cache = source.info.name, folder / "cache"
    to = get_source(name, folder / "out", notes or SILENT, cache, {name: source})
    return pl.read_parquet(to / "interactions.parquet"), pl.read_parquet(to / "items.parquet")


def test_both_ways_to_movielens_give_the_same(server: Server, tmp_path: Path) -> None:
    """GroupLens and the RecBole wheel lead to the same tables: ids, ratings, times, titles and genres."""
    server.files["/ml-100k.zip"] = ARCHIVE_100K
    one = fetch(hundred_k(server.url), tmp_path / "one")
    other = fetch(hundred_k(NOWHERE, make_wheel), tmp_path / "other")
    assert one[0].equals(other[0])
    assert one[1].equals(other[1])
    assert one[0].row(0) == (1, 1, 5.0, 874965758)
    assert one[1].rows() == [
        (1, "Misérables, Les (1995)", "Drama | Musical"),
        (2, "Shanghai Triad (Yao a yao) (1995)", "Drama"),
        (3, "Land Before Time III (1995) (V)", "Animation | Children's"),
        (4, "unknown", "unknown"),
    ]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The two files are tables that the readers take as they are."""
    fetch(hundred_k(NOWHERE, make_wheel), tmp_path)
    assert len(read_interactions(tmp_path / "out" / "interactions.parquet", ColumnNames())) == 4
    assert len(read_items(tmp_path / "out" / "items.parquet")) == 4


def test_when_both_ways_fail_both_are_named(tmp_path: Path) -> None:
    """Offline, the error names the address, what to do by hand, and the other way; nothing is written."""
    with pytest.raises(EndpointError, match=r"ml-100k.zip.*by hand.*RecBole wheel cannot be had either: pip cannot"):
        fetch(hundred_k(NOWHERE), tmp_path)
    assert not (tmp_path / "out").exists()


def test_pip_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip cannot fetch the wheel its reason is in the error, without a traceback."""
    only_from(tmp_path, monkeypatch)
    with pytest.raises(EndpointError, match=r"pip cannot fetch recbole==1.2.1"):
        download_wheel(tmp_path)


def test_another_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel of the right name and version whose bytes are not the known ones is not read."""
    information = "recbole-1.2.1.dist-info"
    wheel = zipped(
        **{
            f"{information}/METADATA": "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n",
            f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{information}/RECORD": "",
        }
    )
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "recbole-1.2.1-py3-none-any.whl").write_bytes(wheel)
    only_from(tmp_path / "index", monkeypatch)
    digest = hashlib.sha256(wheel).hexdigest()
    with pytest.raises(EndpointError, match=rf"py3-none-any.whl with the SHA-256 {digest}, expected {WHEEL_SHA256}"):
        download_wheel(tmp_path)


def only_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip find nothing but what is in a folder."""
    for name, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(name, value)


def test_another_archive_is_not_read(server: Server, tmp_path: Path) -> None:
    """Where GroupLens gives another file than the known one, a note says so, and the wheel is taken."""
    server.files["/ml-100k.zip"] = ARCHIVE_100K
    notes = Notes()
    assert len(fetch(hundred_k(server.url, make_wheel, sha256="0" * 64), tmp_path, notes)[0]) == 4
    (message,) = notes.messages
    assert f"ml-100k.zip gave a file with the SHA-256 {hashlib.sha256(ARCHIVE_100K).hexdigest()}" in message
    assert list((tmp_path / "cache").iterdir()) == []
    known = hundred_k(server.url, sha256=hashlib.sha256(ARCHIVE_100K).hexdigest())
    assert len(fetch(known, tmp_path / "known")[0]) == 4


def test_known_digests_are_used(server: Server, tmp_path: Path) -> None:
    """What GroupLens has under these names is held to the digests that are known, and nothing else is accepted."""
    for source in (MovieLens100K(server.url, no_wheel), MovieLensLatestSmall(server.url)):
        server.files[f"/{source.info.name}.zip"] = ARCHIVE_100K
        with pytest.raises(EndpointError, match=rf"{source.info.name}\.zip gave .* expected {source.sha256}; "):
            fetch(source, tmp_path)


def test_a_finished_data_set_is_not_fetched_again(tmp_path: Path) -> None:
    """With both files there and of the right size, there is no request; if one is missing, there is."""
    source = hundred_k(NOWHERE, make_wheel)
    first = fetch(source, tmp_path)
    assert fetch(replace(source, get_wheel=no_wheel), tmp_path)[0].equals(first[0])
    (tmp_path / "out" / "items.parquet").write_bytes(b"damaged")
    with pytest.raises(EndpointError):
        fetch(replace(source, get_wheel=no_wheel), tmp_path)
    assert fetch(source, tmp_path)[1].equals(first[1])


def test_other_counts_are_refused(tmp_path: Path) -> None:
    """A data set of another size than the known one is not written; the error shows both."""
    source = MovieLens100K(NOWHERE, make_wheel, SourceInfo("ml-100k", 2, 4, 1000, "", ""))
    with pytest.raises(DataError, match=r"has 2 users, 4 items and 4 interactions; expected 2 users.*1,000 interact"):
        fetch(source, tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"no archive", zipped(other="x")])
def test_a_damaged_archive_is_removed(server: Server, tmp_path: Path, content: bytes) -> None:
    """A damaged download is explained and removed, so that the next run fetches it again."""
    server.files["/ml-100k.zip"] = content
    source = hundred_k(server.url)
    with pytest.raises(DataError, match="is damaged"):
        fetch(source, tmp_path)
    server.files["/ml-100k.zip"] = ARCHIVE_100K
    assert len(fetch(source, tmp_path)[0]) == 4


def test_latest_small(server: Server, tmp_path: Path) -> None:
    """The tables of MovieLens latest-small: quoted titles whole, no genre a missing one, unrated films kept."""
    ratings = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,0.5,964981247\n"
    movies = (
        'movieId,title,genres\r\n1,Toy Story (1995),Adventure|Animation\r\n3,"Net, The (1995)",(no genres listed)\r\n'
    )
    server.files["/ml-latest-small.zip"] = zipped(
        **{"ml-latest-small/ratings.csv": ratings, "ml-latest-small/movies.csv": movies + "4,Heat (1995),Crime\r\n"}
    )
    interactions, items = fetch(MovieLensLatestSmall(server.url, SourceInfo("small", 1, 2, 2, "", ""), None), tmp_path)
    assert interactions.rows() == [(1, 1, 4.0, 964982703), (1, 3, 0.5, 964981247)]
    assert items.rows()[:2] == [(1, "Toy Story (1995)", "Adventure | Animation"), (3, "Net, The (1995)", None)]
    assert len(items) == 3


def reviews(*rows: tuple[str, str, float, int]) -> bytes:
    names = ("reviewerID", "asin", "overall", "unixReviewTime")
    lines = (json.dumps(dict(zip(names, row, strict=True)) | {"reviewText": "very nice"}) for row in rows)
    return gzip.compress("".join(line + "\n" for line in lines).encode())


PRODUCTS: list[dict[str, Any]] = [
    {"asin": "B1", "title": 'It\'s "red" &amp; é', "categories": [["Beauty", "Nails"], ["Other"]], "brand": "OPI"},
    {"asin": "B9", "title": "not reviewed", "categories": [["Beauty"]]},
    {"asin": "B2", "categories": [[]], "related": {"also_bought": ["B1"]}},
]


def amazon(server: Server, meta: bytes) -> Amazon:
    server.files["/reviews_Nails_5.json.gz"] = reviews(
        ("u1", "B1", 5.0, 1400000000), ("u1", "B2", 1, 1400000001), ("u2", "B3", 2.0, 1400000002)
    )
    server.files["/meta_Nails.json.gz"] = meta
    return Amazon(SourceInfo("amazon-nails", 2, 3, 3, "", ""), "Nails", server.url)


def test_amazon(server: Server, tmp_path: Path) -> None:
    """Reviews are JSON and products Python literals; only reviewed items are kept, one row each, texts where known."""
    meta = gzip.compress("".join(f"{product!r}\n" for product in PRODUCTS).encode())
    interactions, items = fetch(amazon(server, meta), tmp_path)
    assert interactions.rows()[0] == ("u1", "B1", 5.0, 1400000000)
    assert items.columns == ["item_id", "title", "brand", "categories"]
    assert items.rows() == [
        ("B1", 'It\'s "red" &amp; é', "OPI", "Beauty | Nails"),
        ("B2", None, None, None),
        ("B3", None, None, None),
    ]


@pytest.mark.parametrize(
    "meta",
    [
        gzip.compress(b"{'asin': 'B1', 'title': __import__('os').getcwd()}\n"),
        gzip.compress(b"{'asin': 'B1', 'title': 'cut"),
        b"not compressed",
        gzip.compress(b"{'asin': 'B1'}\n" * 1000)[:-9],
    ],
    ids=["code", "cut-line", "no-gzip", "cut-gzip"],
)
def test_damaged_products_are_refused(server: Server, tmp_path: Path, meta: bytes) -> None:
    """Product lines are never run as code; what is no literal, or damaged, is an error, and the download is removed."""
    with pytest.raises(DataError, match="is damaged near line"):
        fetch(amazon(server, meta), tmp_path)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {
        "reviews_Nails_5.json.gz",
        "reviews_Nails_5.json.gz.sha256",
    }, "neither the file nor its digest is left, so that another one may come"


def test_unknown_names_are_helped(tmp_path: Path) -> None:
    """An unknown data set's error lists the known ones and the closest."""
    with pytest.raises(ConfigError, match=r"unknown data set 'ml100k'.*did you mean 'ml-100k'"):
        get_source("ml100k", tmp_path)


def test_the_list_has_names_counts_and_terms() -> None:
    """Every data set is listed under its own name with counts, a line about it and its terms."""
    listed = list_sources()
    assert [info.name for info in listed] == list(SOURCES)
    assert {"ml-100k", "ml-latest-small", "amazon-beauty", "amazon-toys", "amazon-tools", "amazon-office"} <= set(
        SOURCES
    )
    assert all(info.n_users and info.n_items and info.n_interactions and info.about and info.license for info in listed)


@pytest.mark.parametrize("name", list(SOURCES))
def test_every_source_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """Every source, when its home cannot be reached, says so in an EndpointError."""
    source: Any = SOURCES[name]
    source = replace(source, base_url=NOWHERE)
    source = replace(source, get_wheel=no_wheel) if name == "ml-100k" else source
    with pytest.raises(EndpointError, match=NOWHERE):
        source.tables(tmp_path, SILENT)
