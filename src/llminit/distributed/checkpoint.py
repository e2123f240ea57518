"""Checkpoints of a run over ranks: a file of each rank's part, and a manifest that rank 0 writes when all are there.

The manifest names the files and their checksums. Until it is replaced, which is one rename, the checkpoint before is
the one that counts, so that a rank that is killed while it writes loses nothing. Another number of ranks reads the same
files: each rank takes the rows, or the columns, that it has now.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from llminit.checksums import sha256_of, sha256_of_file
from llminit.distributed.group import Alone, Group
from llminit.distributed.layout import Layout, part_shape
from llminit.errors import StorageError
from llminit.progress import SILENT, Reporter
from llminit.storage import remove, replacing_file
from llminit.training import CheckpointFile

FORMAT_VERSION = 1
MANIFEST = "manifest.json"

_ROWS_AT_ONCE = 2**18


@dataclass(frozen=True, eq=False)
class ShardedCheckpoint:
    """A checkpoint in a folder that all ranks share; every method is called by all ranks.

    Attributes:
        folder: The folder; of several machines it must be the same one, on a shared file system.
        fingerprint: Identifies the data, the options and the seed; a checkpoint of another run is kept under another
            name.
        group: The ranks.
        layout: Which part of each tensor a rank has; the shape is that of all tensors.
        every_seconds: Minimum time between two writes.
    """

    folder: Path
    fingerprint: str
    group: "Group | Alone"
    layout: Layout
    every_seconds: float = 20.0

    def is_due(self, seconds: float, *, force: bool) -> bool:
        """Return whether the state is to be written; rank 0's clock decides."""
        return bool(self.group.from_first(lambda: force or seconds >= self.every_seconds))

    def write(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Replace the checkpoint.

        Raises:
            StorageError: A rank cannot write its part; the checkpoint before still counts.
        """
        group = self.group
        group.vitals.doing = "writing the checkpoint"
        generation = group.from_first(lambda: uuid4().hex[:8])
        written = group.from_all(self._write_part(f"{generation}-{group.rank}.safetensors", tensors))
        for rank, (_, problem) in enumerate(written):
            if problem:
                self._remove_others(self._kept())
                raise StorageError(f"rank {rank} found: {problem}")
        parts = [part for part, _ in written]
        problem = group.from_first(lambda: self._commit(parts, state))
        if problem:
            raise StorageError(problem)
        if group.is_first:
            self._remove_others({part["file"] for part in parts})

    def read(self, reporter: Reporter = SILENT) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return this rank's part of the tensors and the state, or None without a valid checkpoint of this run."""
        self.group.vitals.doing = "reading the checkpoint"
        manifest, problem = self.group.from_first(self._manifest)
        if problem:
            reporter.note(f"the checkpoint {self.folder} {problem}; training starts from the beginning")
            return None
        if manifest is None:
            return None
        expected = [FORMAT_VERSION, self.fingerprint, self.layout.kind, list(self.layout.shape)]
        if [manifest.get(name) for name in ("version", "fingerprint", "kind", "shape")] != expected:
            self.set_aside("is of other data, options or version", reporter)
            return None
        problems = [problem for problem in self.group.from_all(self._damage(manifest)) if problem]
        if problems:
            reporter.note(
                f"the checkpoint {self.folder} is damaged ({problems[0]}); training starts from the beginning"
            )
            return None
        return self._own_part(manifest), manifest["state"]

    def set_aside(self, reason: str, reporter: Reporter = SILENT) -> None:
        """Keep the folder under another name, which this run does not use, and say so.

        Raises:
            StorageError: It cannot be renamed.
        """
        problem = self.group.from_first(lambda: self._set_aside(reason, reporter))
        if problem:
            raise StorageError(problem)

    def _write_part(self, name: str, tensors: dict[str, torch.Tensor]) -> tuple[dict[str, str], str]:
        path = self.folder / name
        try:
            with replacing_file(path) as temporary:
                save_file({key: tensor.cpu().contiguous() for key, tensor in tensors.items()}, temporary)
                digest = sha256_of_file(temporary)
        except OSError as error:
            return {}, str(error)
        return {"file": name, "sha256": digest}, ""

    def _commit(self, parts: list[dict[str, str]], state: dict[str, Any]) -> str:
        """Write the manifest and return what went wrong, if anything did."""
        missing = [part["file"] for part in parts if not (self.folder / part["file"]).is_file()]
        if missing:
            return (
                f"rank 0 does not see {missing[0]} in {self.folder}, which another rank wrote there; the ranks need "
                "one folder on a file system that they share: choose such a path"
            )
        content = {
            "version": FORMAT_VERSION,
            "fingerprint": self.fingerprint,
            "kind": self.layout.kind,
            "shape": list(self.layout.shape),
            "parts": parts,
            "state": state,
        }
        text = json.dumps(content)
        try:
            with replacing_file(self.folder / MANIFEST) as temporary:
                temporary.write_text(f"{text}\n{sha256_of(text)}\n", encoding="utf-8")
        except OSError as error:
            return str(error)
        return ""

    def _manifest(self) -> tuple[dict[str, Any] | None, str]:
        path = self.folder / MANIFEST
        if not path.exists():
            return None, ""
        try:
            text, _, digest = path.read_text(encoding="utf-8").rstrip("\n").partition("\n")
            if sha256_of(text) != digest:
                return None, f"is damaged (wrong checksum of {MANIFEST})"
            return json.loads(text), ""
        except (OSError, ValueError) as error:
            return None, f"is damaged ({error})"

    def _damage(self, manifest: dict[str, Any]) -> str:
        """Check that this rank sees all parts, and the checksums of those that fall to it; return what is wrong."""
        for index, part in enumerate(manifest["parts"]):
            path = self.folder / part["file"]
            if not path.is_file():
                return f"{part['file']} is missing on rank {self.group.rank}"
            try:
                if index % self.group.size == self.group.rank and sha256_of_file(path) != part["sha256"]:
                    return f"wrong checksum of {part['file']}"
            except OSError as error:
                return f"rank {self.group.rank} cannot read {part['file']}: {error}"
        return ""

    def _own_part(self, manifest: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Read what this rank has now from the parts of the ranks that wrote them."""
        own: dict[str, torch.Tensor] = {}
        shape = part_shape(self.layout, self.group.rank, self.group.size)
        for earlier, part in enumerate(manifest["parts"]):
            try:
                with safe_open(self.folder / part["file"], framework="pt") as file:
                    for name in file.keys():  # noqa: SIM118
                        rows = own.setdefault(name, torch.empty(shape))
                        self._copy_common(file.get_slice(name), earlier, len(manifest["parts"]), rows)
            except (OSError, SafetensorError) as error:
                raise StorageError(
                    f"cannot read {part['file']} of the checkpoint {self.folder} again: {error}; run the same command "
                    "again"
                ) from error
        return own

    def _copy_common(self, saved: Any, earlier: int, n_earlier: int, own: torch.Tensor) -> None:
        """Copy what an earlier rank had and this one has, some rows at a time."""
        for index in _runs(saved.get_shape()[0]):
            values = saved[index.start : index.stop]
            ours, theirs = self.layout.common(index, self.group.rank, self.group.size, earlier, n_earlier)
            own[ours] = values[theirs]

    def _set_aside(self, reason: str, reporter: Reporter) -> str:
        digest = sha256_of_file(self.folder / MANIFEST)[:8]
        kept = self.folder.with_name(f"{self.folder.stem}.{digest}{self.folder.suffix}")
        try:
            self.folder.replace(kept)
        except OSError as error:
            return f"cannot rename {self.folder} to {kept.name}: {error}; move it away, or choose another path"
        reporter.note(
            f"the checkpoint {self.folder} {reason}; it is kept as {kept.name}, and training starts from the beginning"
        )
        return ""

    def _kept(self) -> set[str]:
        manifest, _ = self._manifest()
        return set() if manifest is None else {part["file"] for part in manifest["parts"]}

    def _remove_others(self, kept: set[str]) -> None:
        """Remove parts of other generations, and what killed ranks left."""
        for path in self.folder.iterdir():
            if path.name not in {MANIFEST, *kept}:
                with suppress(OSError):
                    remove(path)


def sharded_folder(path: Path) -> Path:
    """Return the folder of the checkpoint of a run over ranks that stands in the place of a file."""
    return path.with_suffix(".shards")


def adopted(checkpoint: CheckpointFile, layout: Layout, reporter: Reporter = SILENT) -> None:
    """Let a run in one process go on from where a run over ranks ended, if one left its checkpoint.

    Args:
        checkpoint: Where the run in one process keeps its state; written if there is something to go on from.
        layout: That of the run over ranks.
        reporter: Receives notes.

    Raises:
        StorageError: The checkpoint cannot be written, or the earlier one not be moved.
    """
    folder = sharded_folder(checkpoint.path)
    if checkpoint.path.exists() or not (folder / MANIFEST).is_file():
        return
    saved = ShardedCheckpoint(folder, checkpoint.fingerprint, Alone(), layout).read(reporter)
    if saved is not None:
        checkpoint.write(*saved)
        remove(folder)


def _runs(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        yield slice(start, min(start + _ROWS_AT_ONCE, n_rows))
