"""A comparison's results as files; each is written as a whole, so every cell in the folder is finished.

`llminit.results.archive` is the other, smaller way to keep results, which cannot be extended.

DIR/comparison.json            what was compared, on which data
DIR/splits/NAME.parquet        the test interactions of a split
DIR/maps/NAME.parquet          the map of a cell's items
DIR/*/NAME.parquet.sha256      the checksum of a split or a map
DIR/cells/NAME.json            a finished cell
DIR/cells/NAME.ranks.parquet   the ranks of its test interactions
DIR/cells/NAME.failed.json     a cell that failed
DIR/cold/                      cells about new items and users; see `llminit.results.cold`
DIR/results.parquet, .json     all measures, one row each
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from llminit.checksums import sha256_of_file
from llminit.errors import ArtefactError, StorageError
from llminit.evaluation import PROTOCOLS, RelevantRanks
from llminit.out_paths import check_out_folder
from llminit.results.archive import MANIFEST
from llminit.results.cell import Cell, Failure, Header
from llminit.results.cold import ColdCell, ColdStore
from llminit.results.documents import read_document, write_document
from llminit.results.key import CellKey
from llminit.results.ranks import RANK_LIMIT, SPLIT_SCHEMA, from_column
from llminit.results.readable import Results
from llminit.results.tables import read_table, write_table
from llminit.results.tidy import tidy_json, tidy_rows
from llminit.storage import remove, replacing_file

HEADER = "comparison.json"
_RANKS = ".ranks.parquet"
_FAILED = ".failed.json"


class ResultsFolder(Results):
    """The results of a comparison in a folder, to be written, extended and read.

    Args:
        path: The folder; it need not exist until something is written.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.cold = ColdStore(self.path / "cold")
        self._splits: dict[str, pl.DataFrame] = {}
        self._new_failures: set[str] = set()

    @property
    def lock_path(self) -> Path:
        """The lock file of `compare`; one that a killed process leaves behind locks nothing."""
        return self.path / ".lock"

    @property
    def exists(self) -> bool:
        """Whether a comparison was started in the folder."""
        return self._holds(HEADER)

    @property
    def header(self) -> Header:
        """What all cells have in common.

        Raises:
            ArtefactError: There is none, it is damaged, or it is of another format version.
        """
        if not self.exists:
            raise ArtefactError(
                f"{self.path} has no {HEADER}, so it is not a results folder of `llminit compare`; check the path"
            )
        remedy = "restore it, or compare into another folder"
        return read_document(self.path / HEADER, Header, remedy)

    @property
    def rank_limit(self) -> int:
        """The largest rank that is stored as it is; a rank above it is stored as one more."""
        return RANK_LIMIT

    def write_header(self, header: Header) -> None:
        """Write or replace the header.

        Raises:
            StorageError: It cannot be written.
        """
        write_document(self.path / HEADER, header)

    def names(self) -> list[str]:
        """Return the names of the finished cells, in order of their names."""
        names = (file.name for file in self._files("cells"))
        return [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.endswith(_FAILED)]

    def cell(self, name: str) -> Cell:
        """Read one finished cell.

        Raises:
            ArtefactError: The file is missing, damaged or of another format version; the message says what to do.
        """
        return self._read_cell(name)[0]

    def cells(self) -> list[Cell]:
        """Read all finished cells, in order of their names.

        Raises:
            ArtefactError: One or more are damaged; the message names each.
        """
        cells, damaged = [], []
        for name in self.names():
            try:
                cells.append(self.cell(name))
            except ArtefactError as error:
                damaged.append(str(error))
        if damaged:
            raise ArtefactError("\n".join(damaged))
        return cells

    def has_cell(self, name: str) -> bool:
        """Return whether a cell is finished."""
        return self._cell_path(name).is_file()

    def write_cell(self, cell: Cell, ranks: pl.DataFrame) -> None:
        """Write a finished cell: first the ranks, then the document that makes it finished.

        Args:
            cell: All but the ranks.
            ranks: A row a test interaction, in the order of the cell's split, and a UInt16 column a protocol.

        Raises:
            StorageError: It cannot be written.
        """
        path = self._ranks_path(cell.key.name)
        with replacing_file(path) as temporary:
            ranks.write_parquet(temporary, compression="zstd")
        write_document(self._cell_path(cell.key.name), cell, {"ranks_sha256": sha256_of_file(path)})
        self._failed_path(cell.key.name).unlink(missing_ok=True)

    def ranks(self, cell: Cell) -> dict[str, RelevantRanks]:
        """Return the ranks of a cell's test interactions, by protocol; a rank above 1000 is 1001.

        Raises:
            ArtefactError: The ranks are missing or damaged, or do not fit the cell's split.
        """
        name = cell.key.name
        path = self._checked_ranks(name)
        try:
            columns = pl.read_parquet(path, columns=[*map(str, PROTOCOLS)])
        except (OSError, PolarsError) as error:
            raise ArtefactError(f"{path} cannot be read ({error}); {_redo(name)}") from error
        split = self.split(cell.split)
        if len(columns) != len(split):
            raise ArtefactError(
                f"{path} has {len(columns)} rows, expected {len(split)} as the split {cell.split}; {_redo(name)}"
            )
        return {protocol: from_column(split, columns[protocol]) for protocol in PROTOCOLS}

    def check_ranks(self, names: Iterable[str]) -> None:
        """Check that the ranks of finished cells exist and are undamaged.

        Raises:
            ArtefactError: The message names each.
        """
        damaged = []
        for name in names:
            try:
                self._checked_ranks(name)
            except ArtefactError as error:
                damaged.append(str(error))
        if damaged:
            raise ArtefactError("\n".join(damaged))

    def split(self, name: str) -> pl.DataFrame:
        """Return the test interactions of a split: user, user_degree, item_popularity, sorted by user, then item.

        Raises:
            ArtefactError: The file is missing or damaged.
        """
        if name not in self._splits:
            remedy = "delete it, and the same `llminit compare` command writes it again"
            self._splits[name] = read_table(self._split_path(name), SPLIT_SCHEMA, remedy)
        return self._splits[name]

    def has_split(self, name: str) -> bool:
        """Return whether the test interactions of a split are stored."""
        return self._split_path(name).is_file()

    def write_split(self, name: str, split: pl.DataFrame) -> None:
        """Write the test interactions of a split.

        Raises:
            StorageError: It cannot be written.
        """
        write_table(self._split_path(name), split.select(pl.col(*SPLIT_SCHEMA)).cast(SPLIT_SCHEMA))
        self._splits.pop(name, None)

    def map_path(self, key: CellKey) -> Path:
        """Return the path of the map of a cell's items, which need not exist."""
        return self.path / "maps" / f"{key.name}.parquet"

    def maps(self) -> list[Path]:
        """Return the paths of the maps that there are, in order of their names.

        Raises:
            ArtefactError: Their folder cannot be read.
        """
        return [file for file in self._files("maps") if file.suffix == ".parquet"]

    def write_map(self, key: CellKey, coordinates: pl.DataFrame) -> None:
        """Write the map of a cell's items: item, x_text, y_text, x_trained, y_trained, title, popularity.

        Raises:
            StorageError: It cannot be written.
        """
        write_table(self.map_path(key), coordinates)

    def cold_cells(self) -> list[ColdCell]:
        """Read all finished cells about new items and users, in order of their names.

        Raises:
            ArtefactError: One or more are damaged; the message names each.
        """
        return list(self.cold.cells().values())

    def failures(self) -> list[Failure]:
        """Return the cells that failed and were not finished since, in this call of `compare` or in an earlier one.

        Raises:
            ArtefactError: The record of a failure is damaged.
        """
        failed = [file.name.removesuffix(_FAILED) for file in self._files("cells") if file.name.endswith(_FAILED)]
        unfinished = [name for name in failed if not self.has_cell(name)]
        return [read_document(self._failed_path(name), Failure, "delete it") for name in unfinished]

    def new_failures(self) -> list[Failure]:
        """Return the failures that were written through this object, such as those of one call of `compare`."""
        return [failure for failure in self.failures() if failure.key.name in self._new_failures]

    def write_failure(self, failure: Failure) -> None:
        """Record that a cell failed.

        Raises:
            StorageError: It cannot be written.
        """
        write_document(self._failed_path(failure.key.name), failure)
        self._new_failures.add(failure.key.name)

    def checkpoint_path(self, name: str) -> Path:
        """Return the path of the checkpoint of a cell in training."""
        return self.path / "cells" / f".{name}.checkpoint.safetensors"

    def remove_leftovers(self) -> None:
        """Remove what killed processes left: partial files, and checkpoints and failures of finished cells.

        No other process may be writing to the folder.
        """
        for leftover in list(self.path.rglob(f".*.{'?' * 8}.partial*")):
            remove(leftover)
        for name in self.names():
            self.checkpoint_path(name).unlink(missing_ok=True)
            self._failed_path(name).unlink(missing_ok=True)
        self.cold.remove_leftovers()

    def write_tidy(self, cells: Iterable[Cell]) -> None:
        """Write `results.parquet` and `results.json`: the rows of `tidy`; in the JSON, `cell` counts into `cells`.

        Args:
            cells: All finished cells.

        Raises:
            StorageError: They cannot be written.
        """
        ordered = sorted(cells, key=lambda cell: cell.key.name)
        with replacing_file(self.path / "results.parquet") as temporary:
            tidy_rows(ordered).write_parquet(temporary, compression="zstd")
        with replacing_file(self.path / "results.json") as temporary:
            temporary.write_text(tidy_json(ordered), encoding="utf-8")

    def check_writable(self) -> None:
        """Check that this is, or can become, a results folder.

        Raises:
            StorageError: It cannot be written, or there is a file, an archive, or a folder that holds other files.
        """
        check_out_folder(self.path)
        if (self.path / MANIFEST).is_file():
            raise StorageError(
                f"cannot write {self.path}: it is an archive of results, which can be read but not extended, expected "
                "an empty folder or an earlier comparison; compare into another folder, and archive that one"
            )
        if not self.exists and self.path.is_dir() and any(file != self.lock_path for file in self.path.iterdir()):
            raise StorageError(
                f"cannot write {self.path}: it holds other files, expected an empty folder or an earlier comparison; "
                "choose another folder"
            )

    def _read_cell(self, name: str) -> tuple[Cell, dict[str, Any]]:
        extra: dict[str, Any] = {}
        cell = read_document(self._cell_path(name), Cell, _redo(name), extra)
        if cell.key.name != name:
            raise ArtefactError(f"{self._cell_path(name)} holds the cell {cell.key.name}; {_redo(name)}")
        return cell, extra

    def _checked_ranks(self, name: str) -> Path:
        path, digest = self._ranks_path(name), self._read_cell(name)[1].get("ranks_sha256")
        try:
            actual = sha256_of_file(path)
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read ({error}); {_redo(name)}") from error
        if actual != digest:
            raise ArtefactError(f"{path} does not match the checksum in {self._cell_path(name)}; {_redo(name)}")
        return path

    def _cell_path(self, name: str) -> Path:
        return self.path / "cells" / f"{name}.json"

    def _ranks_path(self, name: str) -> Path:
        return self.path / "cells" / f"{name}{_RANKS}"

    def _failed_path(self, name: str) -> Path:
        return self.path / "cells" / f"{name}{_FAILED}"

    def _split_path(self, name: str) -> Path:
        return self.path / "splits" / f"{name}.parquet"


def _redo(name: str) -> str:
    return (
        f"the cell {name} is damaged: delete cells/{name}.json, and the same `llminit compare` command runs that cell "
        "again; no other cell is touched"
    )
