"""Cells that were trained without some items or users: what these gain as new ones, and what the others lose.

DIR/cold/NAME.json           a finished cell
DIR/cold/NAME.failed.json    a cell that failed
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from llminit.config import Config
from llminit.errors import ArtefactError
from llminit.results.documents import read_document, write_document
from llminit.results.key import ColdKey

TRADES = (0.02, 0.06)
"""The losses of warm recall@10 at which new items are compared."""

_FAILED = ".failed.json"


class ColdCell(Config):
    """What a cell measured of new items and users."""

    key: ColdKey
    """What was trained and measured, and what was held out."""
    fingerprint: str
    """SHA-256 of everything that the cell depends on."""
    n_items: int = 0
    """Items that were held out."""
    n_interactions: int = 0
    """Interactions with them that were measured, of users who have a training item."""
    n_users: int = 0
    """The users who have these."""
    warm: dict[str, float] = Field(default_factory=dict)
    """Metrics of the warm test interactions, ranked among warm items; empty where no item was held out."""
    among_cold: dict[str, float] = Field(default_factory=dict)
    """Metrics of the cold interactions, ranked among cold items alone."""
    rows: list[dict[str, float]] = Field(default_factory=list)
    """The dial; see `llminit.evaluation.dial.measure_dial`."""
    saved: float | None = None
    """Where `fit` would leave the dial; None for a way that has none of its own."""
    new_users: dict[str, Any] | None = None
    """Of users that were held out, `n_users` and their `metrics`; None where none were."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The options of the model, the tuned ones included."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """How long "fit" and "evaluate" took."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that matter."""

    def at(self, loss: float, measure: str) -> float:
        """Return a measure of the rows where the dial costs a share of warm recall@10, between two of its values.

        Where no value costs as much, it is that of the last one.
        """
        losses = np.maximum.accumulate([0.0, *(row["warm_loss"] for row in self.rows)])
        return float(np.interp(loss, losses, [0.0, *(row[measure] for row in self.rows)]))

    @property
    def most_loss(self) -> float:
        """The largest loss that the dial can reach."""
        return max([0.0, *(row["warm_loss"] for row in self.rows)])


class ColdFailure(Config):
    """A cell that could not be finished."""

    key: ColdKey
    """The cell."""
    error: str
    """Why it failed."""


class ColdStore:
    """These cells in a results folder, to be written and read.

    Args:
        path: Their folder; it need not exist until something is written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._new_failures: set[str] = set()

    def names(self) -> list[str]:
        """Return the names of the finished cells, in order.

        Raises:
            ArtefactError: The folder cannot be read.
        """
        names = [file.name for file in self._files()]
        return [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.endswith(_FAILED)]

    def cells(self) -> dict[str, ColdCell]:
        """Read all finished cells, by name.

        Raises:
            ArtefactError: One or more are damaged; the message names each.
        """
        cells, damaged = {}, []
        for name in self.names():
            try:
                cells[name] = self.cell(name)
            except ArtefactError as error:
                damaged.append(str(error))
        if damaged:
            raise ArtefactError("\n".join(damaged))
        return cells

    def cell(self, name: str) -> ColdCell:
        """Read one finished cell.

        Raises:
            ArtefactError: The file is missing, damaged or of another format version; the message says what to do.
        """
        remedy = f"delete cold/{name}.json, and the same `llminit compare` command runs that cell again"
        cell = read_document(self.cell_path(name), ColdCell, remedy)
        if cell.key.name != name:
            raise ArtefactError(f"{self.cell_path(name)} holds the cell {cell.key.name}; {remedy}")
        return cell

    def has(self, name: str) -> bool:
        """Return whether a cell is finished."""
        return self.cell_path(name).is_file()

    def write(self, cell: ColdCell) -> None:
        """Write a finished cell.

        Raises:
            StorageError: It cannot be written.
        """
        write_document(self.cell_path(cell.key.name), cell)
        self._failed_path(cell.key.name).unlink(missing_ok=True)

    def failures(self) -> list[ColdFailure]:
        """Return the cells that failed and were not finished since, in order of their names.

        Raises:
            ArtefactError: The record of a failure is damaged.
        """
        failed = [file.name.removesuffix(_FAILED) for file in self._files() if file.name.endswith(_FAILED)]
        unfinished = [name for name in failed if not self.has(name)]
        return [read_document(self._failed_path(name), ColdFailure, "delete it") for name in unfinished]

    def new_failures(self) -> list[ColdFailure]:
        """Return the failures that were written through this object."""
        return [failure for failure in self.failures() if failure.key.name in self._new_failures]

    def write_failure(self, failure: ColdFailure) -> None:
        """Record that a cell failed.

        Raises:
            StorageError: It cannot be written.
        """
        write_document(self._failed_path(failure.key.name), failure)
        self._new_failures.add(failure.key.name)

    def cell_path(self, name: str) -> Path:
        """Return the path of a cell's file, which need not exist."""
        return self.path / f"{name}.json"

    def checkpoint_path(self, name: str) -> Path:
        """Return the path of the checkpoint of a cell in training."""
        return self.path / f".{name}.checkpoint.safetensors"

    def remove_leftovers(self) -> None:
        """Remove checkpoints of finished cells, which a killed process may leave."""
        for name in self.names():
            self.checkpoint_path(name).unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        try:
            return sorted(file for file in self.path.iterdir() if not file.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ArtefactError(f"{self.path} cannot be read ({error}); check the path and its permissions") from error

    def _failed_path(self, name: str) -> Path:
        return self.path / f"{name}{_FAILED}"


def cold_records(cells: Mapping[str, ColdCell]) -> list[dict[str, Any]]:
    """Return cells as JSON values, with numbers rounded to six digits, for an archive."""
    return [_rounded(cells[name].model_dump(mode="json")) for name in sorted(cells)]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
