"""The interface by which reports and verdicts read results, however these are stored."""

from abc import ABC, abstractmethod
from pathlib import Path

import polars as pl

from llminit.errors import ArtefactError
from llminit.evaluation import RelevantRanks
from llminit.results.cell import Cell, Failure, Header
from llminit.results.cold import ColdCell
from llminit.results.tidy import tidy_rows


class Results(ABC):
    """The results of a comparison in a folder, to be read.

    Args:
        path: The folder; it need not exist until something is read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    @abstractmethod
    def exists(self) -> bool:
        """Whether there are results."""

    @property
    @abstractmethod
    def header(self) -> Header:
        """What all cells have in common.

        Raises:
            ArtefactError: There is none, it is damaged, or it is of another format version.
        """

    @property
    @abstractmethod
    def rank_limit(self) -> int:
        """The largest rank that is stored as it is; a rank above it is stored as one more."""

    @abstractmethod
    def cells(self) -> list[Cell]:
        """Read all finished cells, in order of their names.

        Raises:
            ArtefactError: Something is damaged; the message names it and the remedy.
        """

    def cold_cells(self) -> list[ColdCell]:
        """Read all finished cells about new items and users, in order of their names; by default there are none.

        Raises:
            ArtefactError: Something is damaged; the message names it and the remedy.
        """
        return []

    @abstractmethod
    def failures(self) -> list[Failure]:
        """Return the cells that failed and were not finished since, in order of their names.

        Raises:
            ArtefactError: Something is damaged.
        """

    @abstractmethod
    def ranks(self, cell: Cell) -> dict[str, RelevantRanks]:
        """Return the ranks of a cell's test interactions, by protocol.

        Raises:
            ArtefactError: The ranks are missing or damaged, or do not fit the cell's split.
        """

    @abstractmethod
    def split(self, name: str) -> pl.DataFrame:
        """Return the test interactions of a split: user, user_degree, item_popularity, sorted by user, then item.

        Raises:
            ArtefactError: The split is missing or damaged.
        """

    def _files(self, folder: str) -> list[Path]:
        """Return the files in a folder of the results, in order of their names, but not hidden ones.

        Raises:
            ArtefactError: The folder cannot be read; one that does not exist holds nothing.
        """
        try:
            return sorted(file for file in (self.path / folder).iterdir() if not file.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(error) from error

    def _holds(self, name: str) -> bool:
        """Return whether there is a file of this name.

        Raises:
            ArtefactError: The folder cannot be read.
        """
        try:
            return (self.path / name).is_file()
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> ArtefactError:
        return ArtefactError(f"{self.path} cannot be read ({error}); check the path and its permissions")

    def tidy(self) -> pl.DataFrame:
        """Return all measures, one row a cell, protocol, metric, k and group; see `llminit.results.tidy`.

        Raises:
            ArtefactError: A cell is damaged.
        """
        return tidy_rows(self.cells())
