"""Amazon product reviews of 2014, 5-core (J. McAuley et al., 2015, arXiv 1506.04757)."""

import ast
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from llminit.data.sources.base import SourceInfo
from llminit.data.sources.fetch import download
from llminit.data.sources.trust import forget
from llminit.errors import DataError
from llminit.progress import Reporter

SNAP = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
TERMS = "research use; cite the paper"

_REVIEW_SCHEMA = {"user_id": pl.String, "item_id": pl.String, "rating": pl.Float64, "timestamp": pl.Int64}
_ITEM_SCHEMA = {"item_id": pl.String, "title": pl.String, "brand": pl.String, "categories": pl.String}
_DAMAGE = (OSError, EOFError, zlib.error, ValueError, SyntaxError, KeyError, TypeError)


@dataclass(frozen=True)
class Amazon:
    """One category: its 5-core reviews, and the products' texts for the items in them."""

    info: SourceInfo
    category: str
    base_url: str = SNAP

    def tables(self, cache: Path, reporter: Reporter) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Fetch the data set and return its interactions and its items."""
        reviews = self._download(f"reviews_{self.category}_5.json.gz", cache, reporter)
        metadata = self._download(f"meta_{self.category}.json.gz", cache, reporter)
        interactions = pl.DataFrame(_rows(reviews, reporter, _review), schema=_REVIEW_SCHEMA, orient="row")
        known = interactions.select("item_id").unique().sort("item_id")
        reviewed = set(known["item_id"])
        rows = _rows(metadata, reporter, lambda line: _product(line, reviewed))
        texts = pl.DataFrame(rows, schema=_ITEM_SCHEMA, orient="row").unique(
            "item_id", keep="first", maintain_order=True
        )
        return interactions, known.join(texts, on="item_id", how="left", maintain_order="left")

    def _download(self, name: str, cache: Path, reporter: Reporter) -> Path:
        return download(f"{self.base_url}/{name}", cache / name, reporter)


def _amazon(name: str, category: str, counts: tuple[int, int, int]) -> Amazon:
    title = category.replace("_", " ")
    return Amazon(SourceInfo(name, *counts, f"Amazon 2014 {title}, 5-core: ratings from 1 to 5", TERMS), category)


AMAZON = (
    _amazon("amazon-beauty", "Beauty", (22_363, 12_101, 198_502)),
    _amazon("amazon-toys", "Toys_and_Games", (19_412, 11_924, 167_597)),
    _amazon("amazon-tools", "Tools_and_Home_Improvement", (16_638, 10_217, 134_476)),
    _amazon("amazon-office", "Office_Products", (4_905, 2_420, 53_258)),
)

_Row = tuple[Any, ...]


def _rows(path: Path, reporter: Reporter, parse: Callable[[str], _Row | None]) -> list[_Row]:
    """Parse a compressed file line by line, not all in memory; lines for which `parse` returns None are skipped."""
    rows: list[_Row] = []
    number = 0
    try:
        for line in _lines(path, reporter):
            number += 1
            row = parse(line)
            if row is not None:
                rows.append(row)
    except _DAMAGE as error:
        # A damaged download that is kept would fail again in every later run.
        forget(path)
        raise DataError(
            f"{path} is damaged near line {number} ({error}) and was removed; run this again to fetch it again"
        ) from error
    return rows


def _lines(path: Path, reporter: Reporter) -> Iterator[str]:
    with (
        path.open("rb") as raw,
        gzip.open(raw, "rt", encoding="utf-8") as text,
        reporter.task(f"read {path.name}", path.stat().st_size) as task,
    ):
        before = 0
        for line in text:
            yield line
            task.advance(raw.tell() - before)
            before = raw.tell()


def _review(line: str) -> _Row:
    review = json.loads(line)
    return review["reviewerID"], review["asin"], float(review["overall"]), int(review["unixReviewTime"])


def _product(line: str, reviewed: set[str]) -> _Row | None:
    # These lines are Python literals, not JSON, and slow to parse, so only those of reviewed items are parsed.
    match = re.search(r"'asin':\s*'(\w+)'", line)
    if match is None or match[1] not in reviewed:
        return None
    product = ast.literal_eval(line.strip())
    categories = product.get("categories") or [[]]
    return product["asin"], product.get("title"), product.get("brand"), " | ".join(categories[0]) or None
