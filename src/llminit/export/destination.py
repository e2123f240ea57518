"""Where an export goes: a folder that is new, empty or an earlier export, or an address such as a database's."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llminit.errors import ConfigError, StorageError
from llminit.export.target import Target
from llminit.locks import exclusive_lock
from llminit.out_paths import check_out_folder
from llminit.storage import check_replaceable, check_target_folder, remove_leftovers, replacing_folder

SUMMARY = "export.json"
"""In the folder of every export: what it is, and the names of what else is there."""


@dataclass(frozen=True)
class Destination:
    """Where an export goes; exactly one of the two is set.

    Attributes:
        folder: A folder.
        address: An address of the target's own.
    """

    folder: Path | None = None
    address: str | None = None

    @classmethod
    def make(cls, target: Target, out: str | Path) -> "Destination":
        """Tell folders and addresses apart.

        Raises:
            ConfigError: It is an address that the target does not take.
        """
        text = str(out)
        if isinstance(out, Path) or "://" not in text:
            return cls(folder=Path(out))
        if not text.startswith(target.schemes):
            scheme = text.partition("://")[0]
            also = "".join(f", or an address that begins with {scheme}" for scheme in target.schemes[:1])
            raise ConfigError(
                f"out is an address of the kind {scheme}://, expected a folder for {target.name}{also}; give one"
            )
        return cls(address=text)

    def check(self, *, overwrite: bool) -> None:
        """Check, before any work, that a folder can be written; an address is looked at when it is written to.

        Raises:
            ConfigError: There is something, and it may not be replaced.
            StorageError: It can never be written.
        """
        if self.folder is None:
            return
        check_out_folder(self.folder)
        if self.folder.is_dir() and any(self.folder.iterdir()):
            if not (self.folder / SUMMARY).is_file():
                raise ConfigError(
                    f"{self.folder} exists and is not an earlier export, expected one or nothing; choose another path"
                )
            if not overwrite:
                raise ConfigError(
                    f"{self.folder} holds an earlier export; choose another path, or pass overwrite to replace it"
                )
            check_replaceable(self.folder, _earlier(self.folder))
        check_target_folder(self.folder)


@contextmanager
def written_folder(path: Path, failures: Sequence[type[Exception]], summary: dict[str, Any]) -> Iterator[Path]:
    """Yield an empty folder that replaces `path` as a whole if the block succeeds.

    Args:
        path: The folder to create or replace.
        failures: What the block raises where it cannot write.
        summary: What is written beside, as JSON.

    Raises:
        StorageError: It cannot be written, or another export writes it; `path` is as it was before.
    """
    real = path.resolve()
    refusal = f"another export to {path} is running; wait until it is done, or choose another path"
    with exclusive_lock(real.with_name(f".{real.name}.lock"), refusal):
        remove_leftovers(path)
        with replacing_folder(path, _earlier(path)) as folder:
            try:
                yield folder
            except tuple(failures) as error:
                # A library's error for a full disk is its own; `replacing_folder` knows those of the system.
                raise OSError(" ".join(str(error).split()) or type(error).__name__) from error
            summary = summary | {"files": sorted(file.name for file in folder.iterdir())}
            text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
            (folder / SUMMARY).write_text(f"{text}\n", encoding="utf-8")


def _earlier(folder: Path) -> list[str]:
    """Return the names that an earlier export left in a folder.

    Raises:
        StorageError: The list of them cannot be read.
    """
    path = folder / SUMMARY
    if not path.exists():
        return []
    try:
        return [SUMMARY, *map(str, json.loads(path.read_text(encoding="utf-8"))["files"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"cannot replace {folder}: its {SUMMARY} cannot be read ({error!r}), which lists what an earlier export "
            "wrote; choose another path, or remove the folder"
        ) from error
