"""Where a fit puts its result and, until it is there, its state: so that a killed call, made again, continues."""

from dataclasses import dataclass
from pathlib import Path

from llminit.errors import ArtefactError, ConfigError
from llminit.recommender import FILES, KIND, LAYOUT_VERSION, Recommender
from llminit.recommender.artefact import MANIFEST, read_manifest
from llminit.storage import check_place, check_replaceable, remove_leftovers
from llminit.training import CheckpointFile


@dataclass(frozen=True)
class OutFolder:
    """The folder that a recommender is saved to, and the checkpoint beside it.

    Attributes:
        path: The folder; it need not exist.
    """

    path: Path

    @property
    def checkpoint_path(self) -> Path:
        """A hidden file beside the folder."""
        real = self.path.resolve()
        return real.with_name(f".{real.name}.checkpoint.safetensors")

    def check(self) -> None:
        """Complain about anything but an earlier recommender.

        Raises:
            ConfigError: There is something else.
            StorageError: The folder can never be written.
        """
        is_free = not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))
        if not is_free and not (self.path / MANIFEST).is_file():
            raise ConfigError(
                f"{self.path} exists and is not a saved recommender, expected one or nothing; choose another place"
            )
        check_place(self.path)

    def finished(self, fingerprint: str, *, overwrite: bool) -> Recommender | None:
        """Return the recommender that an equal call left here, or None where one is to be made.

        Args:
            fingerprint: Names the data and the options.
            overwrite: Whether a recommender of another fingerprint may be replaced.

        Raises:
            ConfigError: There is a recommender of another fingerprint, and it may not be replaced.
            ArtefactError: There is one that cannot be read, and it may not be replaced.
            StorageError: It may be replaced, but there are other things in its folder.
        """
        if not (self.path / MANIFEST).is_file():
            return None
        if overwrite:
            check_replaceable(self.path, FILES)
            return None
        try:
            read_manifest(self.path, KIND, LAYOUT_VERSION)
            recommender = Recommender.load(self.path)
        except ArtefactError as error:
            raise ArtefactError(f"{error}. To replace it, pass overwrite") from error
        if recommender.report.get("fingerprint") != fingerprint:
            raise ConfigError(
                f"{self.path} holds a recommender made from other data or with other options; choose another place or "
                "pass overwrite"
            )
        return recommender

    def checkpoint(self, fingerprint: str, every_seconds: float) -> CheckpointFile:
        """Return where the state of the call with this fingerprint is kept."""
        return CheckpointFile(self.checkpoint_path, fingerprint, every_seconds)

    def finish(self, recommender: Recommender) -> None:
        """Save the result and remove the state, and what killed calls left.

        Raises:
            StorageError: The result cannot be written; the state is still there.
        """
        recommender.save(self.path)
        self.checkpoint_path.unlink(missing_ok=True)
        for path in (self.path, self.checkpoint_path):
            remove_leftovers(path)
