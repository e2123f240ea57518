"""Public data sets: fetched into `interactions.parquet` and `items.parquet`, and checked by their counts.

A new family of data sets is one file beside this one and one entry in `SOURCES`.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from llminit.data.sources.amazon import AMAZON
from llminit.data.sources.base import Source, SourceInfo
from llminit.data.sources.movielens import MovieLens100K, MovieLensLatestSmall
from llminit.errors import ConfigError, DataError
from llminit.folders import user_cache_folder
from llminit.out_paths import check_out_folder
from llminit.progress import SILENT, Reporter
from llminit.storage import check_replaceable, replacing_folder

__all__ = ["INTERACTIONS_FILE", "ITEMS_FILE", "SOURCES", "Source", "SourceInfo", "get_source", "list_sources"]

INTERACTIONS_FILE = "interactions.parquet"
ITEMS_FILE = "items.parquet"

SOURCES: Mapping[str, Source] = {
    source.info.name: source for source in (MovieLens100K(), MovieLensLatestSmall(), *AMAZON)
}


def list_sources() -> list[SourceInfo]:
    """Return name, counts and terms of every data set that can be fetched."""
    return [source.info for source in SOURCES.values()]


def get_source(
    name: str,
    to: Path,
    reporter: Reporter = SILENT,
    cache: Path | None = None,
    sources: Mapping[str, Source] = SOURCES,
) -> Path:
    """Fetch a public data set into two Parquet files, unless they exist already.

    Args:
        name: A name from `list_sources`.
        to: The folder to write. `interactions.parquet` has `user_id`, `item_id`, `rating` and `timestamp` (seconds
            since 1970); `items.parquet` has `item_id`, `title` and further columns.
        reporter: Receives progress.
        cache: A folder that keeps downloads; by default that of `llminit.folders.user_cache_folder`.
        sources: The data sets to choose from.

    Returns:
        `to`.

    Raises:
        ConfigError: There is no data set of this name.
        EndpointError: It cannot be fetched.
        DataError: The fetched data are damaged, or their counts are not the expected ones.
        StorageError: It cannot be written.
    """
    source = _find(name, sources)
    if _is_complete(to, source.info):
        return to
    check_out_folder(to)
    check_replaceable(to, (INTERACTIONS_FILE, ITEMS_FILE))
    interactions, items = source.tables(cache or user_cache_folder(), reporter)
    counts, expected = _counts(interactions), _expected(source.info)
    if counts != expected:
        raise DataError(
            f"{name} has {_as_text(counts)}; expected {_as_text(expected)}: "
            "the download is incomplete or another version; remove it and fetch it again"
        )
    with replacing_folder(to) as folder:
        interactions.write_parquet(folder / INTERACTIONS_FILE)
        items.write_parquet(folder / ITEMS_FILE)
    return to


def _find(name: str, sources: Mapping[str, Source]) -> Source:
    if name in sources:
        return sources[name]
    close = difflib.get_close_matches(name, sources, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"unknown data set {name!r}; expected one of: {', '.join(sources)}{hint}")


def _is_complete(folder: Path, info: SourceInfo) -> bool:
    try:
        items = pl.read_parquet(folder / ITEMS_FILE, columns=["item_id", "title"])
        interactions = pl.read_parquet(folder / INTERACTIONS_FILE)
        return len(items) >= info.n_items and _counts(interactions) == _expected(info)
    except (OSError, PolarsError):
        return False


def _counts(interactions: pl.DataFrame) -> tuple[int, int, int]:
    return interactions["user_id"].n_unique(), interactions["item_id"].n_unique(), len(interactions)


def _expected(info: SourceInfo) -> tuple[int, int, int]:
    return info.n_users, info.n_items, info.n_interactions


def _as_text(counts: tuple[int, int, int]) -> str:
    users, items, interactions = counts
    return f"{users:,} users, {items:,} items and {interactions:,} interactions"
