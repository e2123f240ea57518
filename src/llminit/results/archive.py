"""The results of a comparison as four small files, to be kept and published; read only.

DIR/archive.json      what was compared, on which data, and the checksums of the other files
DIR/results.parquet   all measures, one row each
DIR/ranks.parquet     the ranks of the test interactions of every cell, one row each
DIR/cells.json.gz     the rest of every cell: costs, chosen options, learning curves, spectra, and all about new items

`llminit.results.archiving` writes it.
"""

import gzip
import json
from functools import cached_property
from io import BytesIO
from typing import Any

import polars as pl
from pydantic import Field

from llminit.checksums import sha256_of
from llminit.errors import ArtefactError
from llminit.evaluation import PROTOCOLS, RelevantRanks
from llminit.results.cell import Cell, Failure, Header
from llminit.results.cold import ColdCell
from llminit.results.documents import read_document
from llminit.results.key import CellKey
from llminit.results.ranks import SPLIT_SCHEMA, from_column
from llminit.results.readable import Results
from llminit.results.tidy import measures_of

MANIFEST = "archive.json"
MEASURES = "results.parquet"
RANKS = "ranks.parquet"
CELLS = "cells.json.gz"

_REMEDY = "restore it, or write the archive again from the results folder that it was made from"


class Manifest(Header):
    """The header of the results, and the description of the archive."""

    ranks_up_to: int = Field(ge=1)
    """Ranks above it are one more."""
    files: dict[str, str]
    """SHA-256 of each other file, by name."""


class Archive(Results):
    """The results of a comparison as `llminit.results.write_archive` keeps them.

    All files are verified when the first of them is read.
    """

    @property
    def exists(self) -> bool:
        """Whether the folder holds an archive."""
        return self._holds(MANIFEST)

    @property
    def header(self) -> Header:
        """What all cells have in common.

        Raises:
            ArtefactError: There is none, it is damaged, or it is of another format version.
        """
        return Header(**self._manifest.model_dump(include=set(Header.model_fields)))

    @property
    def rank_limit(self) -> int:
        """The largest rank that is stored as it is; a rank above it is stored as one more."""
        return self._manifest.ranks_up_to

    def cells(self) -> list[Cell]:
        """Read all finished cells, in order of their names.

        They are those of the results folder, except that histories are rounded and that of the group "all" only the
        size is kept: its values are those of `metrics`.

        Raises:
            ArtefactError: A file of the archive is missing or damaged; the message names each.
        """
        measured = measures_of(pl.read_parquet(self._opened(MEASURES)))
        unmeasured: dict[str, Any] = {"metrics": {}}
        return [
            Cell(**record, **measured.get(CellKey(**record["key"]), unmeasured)) for record in self._documents["cells"]
        ]

    def cold_cells(self) -> list[ColdCell]:
        """Return all finished cells about new items and users, in order of their names; numbers have six digits.

        Raises:
            ArtefactError: A file of the archive is missing or damaged; the message names each.
        """
        return [ColdCell(**record) for record in self._documents.get("cold", [])]

    def failures(self) -> list[Failure]:
        """Return the cells that failed and were not finished later, in order of their names.

        Raises:
            ArtefactError: A file of the archive is missing or damaged; the message names each.
        """
        return [Failure(**record) for record in self._documents["failures"]]

    def ranks(self, cell: Cell) -> dict[str, RelevantRanks]:
        """Return the ranks of a cell's test interactions, by protocol; a rank above `rank_limit` is one more.

        Raises:
            ArtefactError: The archive has no such cell, or one of its files is missing or damaged.
        """
        rows = self._rows_by_cell.get(cell.key.name)
        if rows is None:
            raise ArtefactError(f"{self.path} has no cell {cell.key.name}; use a cell of this archive")
        return {protocol: from_column(rows, rows[protocol]) for protocol in PROTOCOLS}

    def split(self, name: str) -> pl.DataFrame:
        """Return the test interactions of a split: user, user_degree, item_popularity, sorted by user, then item.

        Raises:
            ArtefactError: The archive has no such split, or one of its files is missing or damaged.
        """
        rows = next((rows for rows in self._rows_by_cell.values() if rows["split"][0] == name), None)
        if rows is None:
            raise ArtefactError(f"{self.path} has no split {name}; use the split of a cell of this archive")
        return rows.select(pl.col(*SPLIT_SCHEMA)).cast(SPLIT_SCHEMA)

    @cached_property
    def _manifest(self) -> Manifest:
        return read_document(self.path / MANIFEST, Manifest, _REMEDY)

    @cached_property
    def _documents(self) -> dict[str, list[dict[str, Any]]]:
        documents: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress(self._verified[CELLS]))
        return documents

    @cached_property
    def _rows_by_cell(self) -> dict[str, pl.DataFrame]:
        by_cell = pl.read_parquet(self._opened(RANKS)).partition_by("cell", as_dict=True)
        return {str(name): rows for (name,), rows in by_cell.items()}

    def _opened(self, name: str) -> BytesIO:
        return BytesIO(self._verified[name])

    @cached_property
    def _verified(self) -> dict[str, bytes]:
        """The bytes of all other files: few and small enough to be held, so that what is read is what was verified."""
        contents, damaged = {}, []
        for name, digest in self._manifest.files.items():
            try:
                contents[name] = self._read(name, digest)
            except ArtefactError as error:
                damaged.append(str(error))
        if damaged:
            raise ArtefactError("\n".join(damaged))
        return contents

    def _read(self, name: str, digest: str) -> bytes:
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read ({error}); {_REMEDY}") from error
        if sha256_of(content) != digest:
            raise ArtefactError(f"{path} does not match its checksum in {MANIFEST}; {_REMEDY}")
        return content
