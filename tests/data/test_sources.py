"""Public data sets are fetched, resumed, checked and written; all from a server on this machine."""

import gzip
import http.server
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llminit.config import ColumnNames
from llminit.data import get_source, list_sources, read_interactions, read_items
from llminit.data.sources import SOURCES, Source, SourceInfo
from llminit.data.sources.amazon import Amazon
from llminit.data.sources.fetch import download
from llminit.data.sources.movielens import GENRES, MovieLens100K, MovieLensLatestSmall, download_wheel
from llminit.errors import ConfigError, DataError, EndpointError
from llminit.progress import SILENT

NOWHERE = "http://127.0.0.1:9"


class Server:
    """Serves bytes by path, with ranges; `cut` ends the first answers early, `fail` answers with codes first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.fail: list[int] = []
        self.ranges = True
        self.requests: list[str | None] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append(asked)
        content = self.files.get(handler.path)
        if self.fail or content is None:
            handler.send_error(self.fail.pop(0) if self.fail else 404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if start and start >= len(content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start : start + self.cut.pop(0) if self.cut else None])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between attempts instead of waiting."""
    recorded: list[float] = []
    monkeypatch.setattr(time, "sleep", recorded.append)
    return recorded


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def zipped(**files: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


CONTENT = bytes(range(256)) * 50


def test_a_download_is_kept(server: Server, tmp_path: Path) -> None:
    """A file is fetched once; the second time it is there already, and nothing else lies beside it."""
    server.files["/a.bin"] = CONTENT
    for _ in range(2):
        path = download(f"{server.url}/a.bin", tmp_path / "deep" / "a.bin")
        assert path.read_bytes() == CONTENT
    assert server.requests == [None]
    assert [file.name for file in path.parent.iterdir()] == ["a.bin"]


def test_a_broken_download_is_resumed(server: Server, tmp_path: Path) -> None:
    """When the connection ends early, the next attempt asks only for the rest."""
    server.files["/a.bin"] = CONTENT
    server.cut = [5000, 3000]
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=5000-", "bytes=8000-"]


def test_a_killed_download_is_resumed_by_the_next_run(server: Server, tmp_path: Path) -> None:
    """What an earlier run had received is not fetched again."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:7000])
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == ["bytes=7000-"]


def test_a_killed_download_that_was_complete(server: Server, tmp_path: Path) -> None:
    """A run killed just before its file was moved into place has nothing left to fetch."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_part_that_does_not_fit_is_dropped(server: Server, tmp_path: Path) -> None:
    """A partial file longer than the file on the server is fetched from the start."""
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_without_ranges(server: Server, tmp_path: Path) -> None:
    """A server that ignores the range sends the whole file, and that is what is kept."""
    server.files["/a.bin"], server.ranges = CONTENT, False
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:7000])
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_with_growing_pauses(server: Server, tmp_path: Path, pauses: list[float]) -> None:
    """Overload and server errors are waited out, for twice as long each time."""
    server.files["/a.bin"], server.fail = CONTENT, [503, 429]
    assert download(f"{server.url}/a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert pauses == [0.5, 1.0]


def test_a_missing_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    """A 404 fails at once, naming the address, and where to place the file by hand; nothing is written."""
    with pytest.raises(EndpointError, match=rf"cannot fetch {server.url}/no.bin: .*404.*place it at .*no.bin"):
        download(f"{server.url}/no.bin", tmp_path / "no.bin")
    assert server.requests == [None]
    assert not list(tmp_path.iterdir())


def test_an_unreachable_server(tmp_path: Path, pauses: list[float]) -> None:
    """A refused connection is tried a few times and then explained."""
    with pytest.raises(EndpointError, match="check the connection"):
        download(f"{NOWHERE}/a.bin", tmp_path / "a.bin", attempts=3)
    assert len(pauses) == 2


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
ARCHIVE_100K = zipped(**{"ml-100k/u.data": U_DATA.encode(), "ml-100k/u.item": U_ITEM.encode("latin-1")})


def make_wheel(folder: Path) -> Path:
    path = Path(folder) / "recbole-1.2.1-py3-none-any.whl"
    name = "recbole/dataset_example/ml-100k/ml-100k"
    path.write_bytes(zipped(**{f"{name}.inter": RECBOLE_INTER, f"{name}.item": RECBOLE_ITEM}))
    return path


def no_wheel(folder: Path) -> Path:  # noqa: ARG001
    raise EndpointError("pip cannot fetch it")


def fetch(source: Source, folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    to = get_source(source.info.name, folder / "out", cache=folder / "cache", sources={source.info.name: source})
    return pl.read_parquet(to / "interactions.parquet"), pl.read_parquet(to / "items.parquet")


def test_both_ways_to_movielens_give_the_same(server: Server, tmp_path: Path) -> None:
    """GroupLens and the RecBole wheel lead to the same tables: ids, ratings, times, titles and genres."""
    server.files["/ml-100k.zip"] = ARCHIVE_100K
    one = fetch(MovieLens100K(server.url, no_wheel, SMALL_100K), tmp_path / "one")
    other = fetch(MovieLens100K(NOWHERE, make_wheel, SMALL_100K), tmp_path / "other")
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
    fetch(MovieLens100K(NOWHERE, make_wheel, SMALL_100K), tmp_path)
    assert len(read_interactions(tmp_path / "out" / "interactions.parquet", ColumnNames())) == 4
    assert len(read_items(tmp_path / "out" / "items.parquet")) == 4


def test_when_both_ways_fail_both_are_named(tmp_path: Path) -> None:
    """Offline, the error names the address, what to do by hand, and the other way; nothing is written."""
    with pytest.raises(EndpointError, match=r"ml-100k.zip.*by hand.*other way failed too: pip cannot"):
        fetch(MovieLens100K(NOWHERE, no_wheel, SMALL_100K), tmp_path)
    assert not (tmp_path / "out").exists()


def test_pip_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip cannot fetch the wheel its reason is in the error, without a traceback."""
    for name, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EndpointError, match=r"pip cannot fetch recbole==1.2.1"):
        download_wheel(tmp_path)


def test_a_finished_data_set_is_not_fetched_again(tmp_path: Path) -> None:
    """With both files there and of the right size, nothing is asked of the network; with one missing, it is."""
    source = MovieLens100K(NOWHERE, make_wheel, SMALL_100K)
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
    """A damaged download is explained and removed, so that the next run fetches it anew."""
    server.files["/ml-100k.zip"] = content
    source = MovieLens100K(server.url, no_wheel, SMALL_100K)
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
    interactions, items = fetch(MovieLensLatestSmall(server.url, SourceInfo("small", 1, 2, 2, "", "")), tmp_path)
    assert interactions.rows() == [(1, 1, 4.0, 964982703), (1, 3, 0.5, 964981247)]
    assert items.rows()[:2] == [(1, "Toy Story (1995)", "Adventure | Animation"), (3, "Net, The (1995)", None)]
    assert len(items) == 3


def reviews(*rows: tuple[str, str, float, int]) -> bytes:
    names = ("reviewerID", "asin", "overall", "unixReviewTime")
    lines = (json.dumps(dict(zip(names, row, strict=True)) | {"reviewText": "very nice"}) for row in rows)
    return gzip.compress("".join(line + "\n" for line in lines).encode())


PRODUCTS = [
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
    assert not (tmp_path / "cache" / "meta_Nails.json.gz").exists()


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
def test_each_source_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """Every source, when its home cannot be reached, says so in an EndpointError."""
    known: Any = SOURCES[name]
    source = replace(known, base_url=NOWHERE)
    source = replace(source, get_wheel=no_wheel) if name == "ml-100k" else source
    with pytest.raises(EndpointError, match=NOWHERE):
        source.tables(tmp_path, SILENT)
