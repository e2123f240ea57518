"""Checkpoints: one file with the whole state of a training run, so that a killed run resumes to the same result."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of, sha256_of_file
from llminit.errors import StorageError
from llminit.progress import SILENT, Reporter
from llminit.storage import replacing_file

FORMAT_VERSION = 3


class Checkpoint(Protocol):
    """Where a run keeps its state, and what it continues from."""

    def is_due(self, seconds: float, *, force: bool) -> bool:
        """Return whether the state is to be written, so many seconds after the last time."""

    def write(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Replace the checkpoint."""

    def read(self, reporter: Reporter = SILENT) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the tensors and the state, or None without a valid checkpoint of this run."""

    def set_aside(self, reason: str, reporter: Reporter = SILENT) -> None:
        """Keep the checkpoint under another name, which this run does not use, and say so."""


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint at a path, tied to one run by its fingerprint.

    Attributes:
        path: The file; every write replaces it as a whole.
        fingerprint: Identifies the data, the options and the seed; a checkpoint of another run is not used but kept
            under another name.
        every_seconds: Minimum time between two writes.
    """

    path: Path
    fingerprint: str
    every_seconds: float = 20.0

    def is_due(self, seconds: float, *, force: bool) -> bool:
        """Return whether the state is to be written, so many seconds after the last time."""
        return force or seconds >= self.every_seconds

    def write(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Replace the checkpoint.

        Raises:
            StorageError: It cannot be written.
        """
        tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        header = json.dumps({"version": FORMAT_VERSION, "fingerprint": self.fingerprint, "state": state})
        with replacing_file(self.path) as temporary:
            save_file(tensors, temporary, metadata={"llminit": header, "sha256": _checksum(header, tensors)})

    def read(self, reporter: Reporter = SILENT) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the tensors and the state, or None without a valid checkpoint of this run."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                header = json.loads(metadata["llminit"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            reporter.note(f"the checkpoint {self.path} is damaged ({error}); training starts from the beginning")
            return None
        if (header.get("version"), header.get("fingerprint")) != (FORMAT_VERSION, self.fingerprint):
            self.set_aside("is of other data, options or version", reporter)
            return None
        if metadata.get("sha256") != _checksum(metadata["llminit"], tensors):
            reporter.note(f"the checkpoint {self.path} is damaged (wrong checksum); training starts from the beginning")
            return None
        return tensors, header["state"]

    def set_aside(self, reason: str, reporter: Reporter = SILENT) -> None:
        """Keep the file under another name, which this run does not use, and say so.

        Args:
            reason: Why this run cannot continue from it; what follows "the checkpoint PATH".
            reporter: Receives the note.

        Raises:
            StorageError: It cannot be renamed.
        """
        kept = self.path.with_name(f"{self.path.stem}.{sha256_of_file(self.path)[:8]}{self.path.suffix}")
        try:
            self.path.replace(kept)
        except OSError as error:
            raise StorageError(
                f"cannot rename {self.path} to {kept.name}: {error}; move it away, or choose another path"
            ) from error
        reporter.note(
            f"the checkpoint {self.path} {reason}; it is kept as {kept.name}, and training starts from the beginning"
        )


def _checksum(header: str, tensors: dict[str, torch.Tensor]) -> str:
    parts: list[str | AnyArray] = []
    for name, tensor in sorted(tensors.items()):
        # As bytes, because numpy has no bfloat16.
        parts += [f"{name} {tensor.dtype} {tuple(tensor.shape)}", tensor.reshape(-1).view(torch.uint8).numpy()]
    return sha256_of(header, *parts)
