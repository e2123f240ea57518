"""Where a search is kept: Optuna's journal, one JSON line for each thing that happened, beside the result.

Only the process that holds the search's lock writes it, so Optuna's own lock, a file that a killed process would leave
behind for others to wait at, is not used. Lines are appended and flushed to the disk one at a time: a kill can cut only
the last one, and what was cut had not happened yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from llminit.errors import ArtefactError, StorageError


class _HeldElsewhere:
    """Stands for the search's own lock, which is held as long as the journal is open."""

    def acquire(self) -> bool:
        """Do nothing."""
        return True

    def release(self) -> None:
        """Do nothing."""


def open_journal(path: Path) -> JournalStorage:
    """Open a journal, made if it is not there; the caller holds the search's lock.

    Raises:
        ArtefactError: The file is damaged, or is none.
        StorageError: It cannot be written.
    """
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _drop_cut_line(path)
            return JournalStorage(JournalFileBackend(str(path), _HeldElsewhere()))  # type: ignore[arg-type]
        except OSError:
            raise
        except Exception as error:
            raise ArtefactError(
                f"{path} is damaged or holds no search ({type(error).__name__}: {error}); move it away, choose another "
                "path, or pass overwrite to search anew"
            ) from error


@contextmanager
def writing(path: Path | None) -> Iterator[None]:
    """Say what can be done where a journal cannot be written.

    Raises:
        StorageError: It cannot.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error}; the trials that have ended are kept. Free some space, check the "
            "permissions or choose another path, then run the same command again"
        ) from error


def _drop_cut_line(path: Path) -> None:
    """Remove the end of a line that a killed process, or a full disk, has cut."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
