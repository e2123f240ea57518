"""Whether memory and disk are enough, said before the work starts."""

from collections.abc import Sequence
from pathlib import Path

from llminit.data.out_of_core.inputs import InputFile, Reader, Rows
from llminit.errors import ConfigError, StorageError
from llminit.machine import available_memory, free_space

_BASE_BYTES = 500 * 2**20
_BYTES_A_ROW_AT_ONCE = 180
"""Measured: reading, coding and grouping rows of whole numbers, and later sorting a range of users."""
_CODED_BYTES = 30
"""A row on the disk beside its user's id: item and time in a run, then in a part, and some of a user's place."""


def bytes_on_disk(n_rows: int, id_bytes: float) -> int:
    """Return how many bytes all steps together write at most, for ids of so many bytes."""
    return round(n_rows * (2 * id_bytes + _CODED_BYTES))


def bytes_in_memory(rows_at_once: int, id_bytes: float) -> int:
    """Return how many bytes the work needs at once; the vocabularies of users and items come on top."""
    return round(_BASE_BYTES + rows_at_once * (_BYTES_A_ROW_AT_ONCE + 4 * id_bytes))


def check_room(reader: Reader, files: Sequence[InputFile], out: Path, rows_at_once: int) -> None:
    """Check that the disk has room for the work and the memory for its rows.

    Raises:
        StorageError: The disk has too little room.
        ConfigError: The memory is too small for so many rows at once.
    """
    n_rows = sum(file.n_rows for file in files)
    sample = reader.read(Rows(files[0], 0, min(1000, files[0].n_rows)), ("user_id", "item_id"))
    id_bytes = sample.estimated_size() / len(sample) / 2
    needed, free = bytes_on_disk(n_rows, id_bytes), free_space(out)
    if needed > free:
        raise StorageError(
            f"preparing {n_rows} rows needs up to {_gib(needed)} on the disk of {out}, and {_gib(free)} are free; free "
            "some space or choose a path on another disk"
        )
    memory, has = bytes_in_memory(rows_at_once, id_bytes), available_memory()
    if has is not None and memory > has:
        raise ConfigError(
            f"rows_at_once={rows_at_once} needs about {_gib(memory)} of memory, and {_gib(has)} are free; lower it, or "
            "end other programs"
        )


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.2f} GiB"
