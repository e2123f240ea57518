"""Parquet files of a results folder with their checksums beside them, so that damage is never shown as a result."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from llminit.checksums import sha256_of, sha256_of_file
from llminit.errors import ArtefactError
from llminit.recorded_digests import record_digest, record_of, recorded_digest
from llminit.storage import replacing_file


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table and its checksum.

    Raises:
        StorageError: It cannot be written.
    """
    with replacing_file(path) as temporary:
        table.write_parquet(temporary, compression="zstd")
        # Before the table: a process that is killed between the two leaves no table without a checksum.
        record_digest(path, sha256_of_file(temporary))


def read_table(path: Path, columns: Sequence[str] | pl.Schema, remedy: str) -> pl.DataFrame:
    """Read columns of a table that `write_table` wrote, or an earlier version, which recorded no checksum.

    Args:
        path: The file.
        columns: The columns to read; with a schema, they are converted to its types.
        remedy: What to do about a damaged file; the end of the error message.

    Raises:
        ArtefactError: The file is missing, cannot be read, or does not match its checksum.
    """
    try:
        content = path.read_bytes()
        if record_of(path).exists() and recorded_digest(path) != sha256_of(content):
            raise ArtefactError(
                f"{path} cannot be read (it does not match its checksum in {record_of(path).name}); {remedy}"
            )
        # Damage that no checksum shows makes polars panic, which is not an Exception.
        table = pl.read_parquet(BytesIO(content), columns=list(columns))
        return table.cast(columns) if isinstance(columns, pl.Schema) else table
    except (OSError, PolarsError, PanicException) as error:
        raise ArtefactError(f"{path} cannot be read ({error}); {remedy}") from error
