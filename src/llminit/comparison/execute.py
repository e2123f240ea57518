"""Running one cell and writing its results, in this process or in a worker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llminit.comparison.cell import Measured, run_cell
from llminit.comparison.cold_cell import run_cold_cell
from llminit.config import CompareConfig
from llminit.errors import ArtefactError
from llminit.pipeline.prepared import PreparedData
from llminit.progress import SILENT, Reporter
from llminit.results import CellKey, ColdKey, ResultsFolder
from llminit.storage import remove_leftovers
from llminit.training import CheckpointFile


@dataclass(frozen=True)
class Job:
    """A cell to run.

    Attributes:
        key: The cell; a `ColdKey` for one about new items and users.
        fingerprint: Digest of everything that it depends on.
    """

    key: CellKey
    fingerprint: str

    @classmethod
    def from_json(cls, key: dict[str, Any], fingerprint: str) -> "Job":
        """Make a job of its key's fields."""
        return cls(ColdKey(**key) if "cold_split" in key else CellKey(**key), fingerprint)


@dataclass(frozen=True)
class Workplace:
    """What all cells of a comparison need to run.

    Attributes:
        data: The data that every cell starts from.
        config: The comparison's options.
        out: The results folder.
        device: A torch device.
        checkpoint_seconds: Shortest time between two writes of a backbone's state.
    """

    data: PreparedData
    config: CompareConfig
    out: Path
    device: str = "cpu"
    checkpoint_seconds: float = 60.0

    def execute(self, job: Job, reporter: Reporter = SILENT) -> None:
        """Run a cell and write it; until it is finished, its training state is kept in a checkpoint.

        Raises:
            LLMInitError: The cell cannot be run or written.
        """
        folder, key = ResultsFolder(self.out), job.key
        if isinstance(key, ColdKey):
            self._execute_cold(folder, key, job.fingerprint, reporter)
            return
        path = folder.checkpoint_path(key.name)
        checkpoint = CheckpointFile(path, job.fingerprint, self.checkpoint_seconds)
        measured = run_cell(
            self.data,
            self.config,
            key,
            job.fingerprint,
            device=self.device,
            checkpoint=None if key.kind == "baseline" else checkpoint,
            reporter=reporter,
        )
        _write(folder, measured)
        path.unlink(missing_ok=True)
        remove_leftovers(path)

    def _execute_cold(self, folder: ResultsFolder, key: ColdKey, fingerprint: str, reporter: Reporter) -> None:
        path = folder.cold.checkpoint_path(key.name)
        checkpoint = None
        if key.kind != "baseline":
            checkpoint = CheckpointFile(path, fingerprint, self.checkpoint_seconds)
        how: dict[str, Any] = {"device": self.device, "checkpoint": checkpoint, "reporter": reporter}
        folder.cold.write(run_cold_cell(self.data, self.config, key, fingerprint, **how))
        path.unlink(missing_ok=True)
        remove_leftovers(path)


def _write(folder: ResultsFolder, measured: Measured) -> None:
    name = measured.cell.split
    if not folder.has_split(name):
        folder.write_split(name, measured.split)
    elif not folder.split(name).equals(measured.split.cast(folder.split(name).schema)):
        raise ArtefactError(
            f"the split {name} is not the one in splits/{name}.parquet, expected the same test interactions; another "
            "version of numpy may have drawn them: compare into another folder"
        )
    if measured.map is not None:
        folder.write_map(measured.cell.key, measured.map)
    folder.write_cell(measured.cell, measured.ranks)
