"""Where a fit puts its result and, until it is there, its state: so that a killed call, made again, continues."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llminit.distributed.checkpoint import sharded_folder
from llminit.errors import ArtefactError, ConfigError
from llminit.locks import exclusive_lock
from llminit.out_paths import check_out_folder
from llminit.recommender import FILES, KIND, LAYOUT_VERSION, Recommender
from llminit.recommender.artefact import MANIFEST, read_manifest
from llminit.storage import check_replaceable, check_target_folder, remove, remove_leftovers
from llminit.training import CheckpointFile


@dataclass(frozen=True)
class OutFolder:
    """The folder that a recommender is saved to, and the checkpoint and the lock beside it.

    Attributes:
        path: The folder; it need not exist.
        overwrite: Whether a recommender that was made in another way may be replaced.
    """

    path: Path
    overwrite: bool = False

    @property
    def checkpoint_paths(self) -> tuple[Path, Path]:
        """Hidden files beside the folder: for the model that is measured, and for the one trained on everything."""
        return self._beside("checkpoint.safetensors"), self._beside("refit.safetensors")

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep other fits from this folder while the block runs: they would share its checkpoint and its result.

        Raises:
            StorageError: Another fit is running there, or nothing can be written beside the folder.
        """
        refusal = f"another fit is running on {self.path}; wait until it is done, or choose another path"
        with exclusive_lock(self._beside("lock"), refusal):
            yield

    def check(self) -> None:
        """Check that there is nothing there, or an earlier recommender.

        Raises:
            ConfigError: There is something else.
            StorageError: The folder can never be written.
        """
        check_out_folder(self.path)
        is_free = not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))
        if not is_free and not (self.path / MANIFEST).is_file():
            raise ConfigError(
                f"{self.path} exists and is not a saved recommender, expected one or nothing; choose another path"
            )
        check_target_folder(self.path)

    def finished(self, fingerprint: str) -> Recommender | None:
        """Return the recommender that an equal call left here, or None where one is to be made.

        Args:
            fingerprint: Names the data and the options.

        Raises:
            ConfigError: There is a recommender of another fingerprint, and it may not be replaced.
            ArtefactError: There is one that cannot be read, and it may not be replaced.
            StorageError: It may be replaced, but there are other things in its folder.
        """
        if not (self.path / MANIFEST).is_file():
            return None
        if self.overwrite:
            check_replaceable(self.path, FILES)
            return None
        try:
            read_manifest(self.path, KIND, LAYOUT_VERSION)
            recommender = Recommender.load(self.path)
        except ArtefactError as error:
            raise ArtefactError(f"{error}. To replace it, pass overwrite") from error
        if recommender.report.get("fingerprint") != fingerprint:
            raise ConfigError(
                f"{self.path} holds a recommender made from other data or with other options; choose another path or "
                "pass overwrite"
            )
        return recommender

    def checkpoints(self, fingerprint: str, every_seconds: float) -> tuple[CheckpointFile, CheckpointFile]:
        """Return where a call keeps its state: while it measures, and while it refits.

        Args:
            fingerprint: Names all that the steps of training depend on; see `training_fingerprint`.
            every_seconds: Least time between two writes.
        """
        measuring, refitting = (CheckpointFile(path, fingerprint, every_seconds) for path in self.checkpoint_paths)
        return measuring, refitting

    def finish(self, recommender: Recommender) -> None:
        """Save the result and remove the state, and what killed calls left.

        Raises:
            ConfigError: Meanwhile something came here that may not be replaced; the state is still there.
            ArtefactError: The same, and it cannot be read.
            StorageError: The result cannot be written; the state is still there.
        """
        # Hours may have passed since the first look, and others than `fit` write too.
        self.check()
        self.finished(recommender.report["fingerprint"])
        recommender.save(self.path)
        for path in self.checkpoint_paths:
            path.unlink(missing_ok=True)
            remove(sharded_folder(path))
        for path in (self.path, *self.checkpoint_paths):
            remove_leftovers(path)

    def _beside(self, ending: str) -> Path:
        real = self.path.resolve()
        return real.with_name(f".{real.name}.{ending}")
