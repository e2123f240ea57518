"""Writing an archive: the results of a comparison as four small files, see `llminit.results.archive`."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from llminit.checksums import sha256_of_file
from llminit.errors import ConfigError, DataError
from llminit.evaluation import PROTOCOLS, parse_metric
from llminit.out_paths import check_out_folder
from llminit.results.archive import CELLS, MANIFEST, MEASURES, RANKS, Archive, Manifest
from llminit.results.cell import Cell
from llminit.results.cold import cold_records
from llminit.results.documents import write_document
from llminit.results.ranks import to_column
from llminit.results.readable import Results
from llminit.results.shown_metrics import shown_metrics
from llminit.results.tidy import tidy_rows
from llminit.storage import replacing_folder

RANKS_UP_TO = 20
"""Twice as far as reports and verdicts look; a larger limit makes a larger archive."""

_IN_ROWS = {"metrics", "groups", "beyond"}
# The strongest compression of zstd: an archive is written once and kept.
_PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 22, "row_group_size": 2**27}


def write_archive(results: Results, out: str | Path, *, ranks_up_to: int = RANKS_UP_TO) -> Archive:
    """Write the results of a comparison as a few small files, for reports and verdicts; `compare` cannot extend them.

    Measures and ranks are exact, the latter up to a limit; histories are rounded to 6 significant digits. Maps, which
    hold item titles, are left out, and no user or item id is stored. The same results give the same bytes.

    Args:
        results: A results folder, or another archive.
        out: The folder of the archive, created or replaced; it may hold nothing but an archive.
        ranks_up_to: Ranks above it are stored as one more, so no verdict of the archive can look further.

    Raises:
        ArtefactError: The results are damaged.
        ConfigError: `ranks_up_to` is beyond the ranks that there are, or less than reports and verdicts look at.
        DataError: No cell is finished.
        StorageError: `out` cannot be written, or holds other files.
    """
    check_out_folder(Path(out))
    header, cells = results.header, results.cells()
    if not cells:
        raise DataError(f"{results.path} has no finished cell yet; let `llminit compare` finish one, then archive it")
    _check_limit(ranks_up_to, results, cells)
    with replacing_folder(Path(out)) as folder:
        tidy_rows(cells).write_parquet(folder / MEASURES, **_PARQUET)
        _rank_rows(results, cells, ranks_up_to).write_parquet(folder / RANKS, **_PARQUET)
        (folder / CELLS).write_bytes(_document(results, cells))
        files = {name: sha256_of_file(folder / name) for name in (MEASURES, RANKS, CELLS)}
        write_document(folder / MANIFEST, Manifest(**header.model_dump(), ranks_up_to=ranks_up_to, files=files))
    return Archive(out)


def _check_limit(ranks_up_to: int, results: Results, cells: Sequence[Cell]) -> None:
    """Validate the largest rank to keep."""
    measured = {parse_metric(name)[1] for cell in cells for metrics in cell.metrics.values() for name in metrics}
    shown = parse_metric(shown_metrics(measured)[0])[1]
    if not shown <= ranks_up_to <= results.rank_limit:
        raise ConfigError(
            f"ranks_up_to={ranks_up_to} is not between {shown}, which reports and verdicts look at, and "
            f"{results.rank_limit}, up to which {results.path} keeps ranks; choose a number between them"
        )


def _rank_rows(results: Results, cells: Sequence[Cell], ranks_up_to: int) -> pl.DataFrame:
    """Return a row a cell and test interaction: user, split, cell, user_degree, item_popularity and the ranks."""
    parts = []
    for cell in cells:
        ranks = results.ranks(cell)
        columns = {protocol: to_column(ranks[protocol]).clip(upper_bound=ranks_up_to + 1) for protocol in PROTOCOLS}
        parts.append(
            results.split(cell.split).with_columns(split=pl.lit(cell.split), cell=pl.lit(cell.key.name), **columns)
        )
    # Side by side, the ranks of one test interaction by all methods are alike, which halves the file. The order within
    # a user, that of the items, is the split's.
    rows = pl.concat(parts).sort("user", "split", "cell", maintain_order=True)
    return rows.select("user", "split", "cell", "user_degree", "item_popularity", *PROTOCOLS)


def _document(results: Results, cells: Sequence[Cell]) -> bytes:
    records = [cell.model_dump(mode="json", exclude=_IN_ROWS) for cell in cells]
    for record in records:
        record["history"] = _rounded(record["history"])
    failures = [failure.model_dump(mode="json") for failure in results.failures()]
    cold = cold_records({cell.key.name: cell for cell in results.cold_cells()})
    documents = {"cells": records, "failures": failures} | ({"cold": cold} if cold else {})
    text = json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
    # Without the time of writing, the same results give the same bytes.
    return gzip.compress(text.encode(), mtime=0)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    # Counts stay as they are.
    return float(f"{value:.6g}") if isinstance(value, float) and not value.is_integer() else value
