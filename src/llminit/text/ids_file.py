"""The ids that belong to the rows of an array: a sequence, or a file of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import AnyArray
from llminit.errors import DataError, EmbeddingError
from llminit.frames import described, from_values

HEADERS = frozenset({"item_id", "id", "ids"})
NAMES_BESIDE = ("{stem}.ids.txt", "{stem}.ids.json", "{stem}_ids.npy")


def ids_beside(path: Path) -> Path:
    """Return the path of the file with an array's ids.

    Raises:
        EmbeddingError: There is no such file.
    """
    candidates = [path.with_name(form.format(stem=path.stem)) for form in NAMES_BESIDE]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = ", ".join(candidate.name for candidate in candidates)
    raise EmbeddingError(
        f"{path} holds vectors without ids, and none of {names} is beside it; "
        "write one of these, or say where the ids are"
    )


def read_ids(ids: str | Path | pl.Series | Sequence[Any] | AnyArray) -> pl.Series:
    """Return ids as a series, from a sequence or a file: `.npy`, a JSON list, or text with one id a line.

    Raises:
        EmbeddingError: The file does not exist or cannot be read, or the ids have no common type.
    """
    values = _read_file(Path(ids)) if isinstance(ids, str | Path) else ids
    try:
        column = from_values("item_id", values)
    except DataError as error:
        raise EmbeddingError(str(error)) from error
    if column.dtype == pl.Object:
        raise EmbeddingError(
            f"the ids have no common type: they hold {described(column)}; make all of them numbers, or all of them text"
        )
    return column


def _read_file(path: Path) -> Sequence[Any] | AnyArray:
    try:
        if path.suffix.lower() == ".npy":
            array: AnyArray = np.load(path, allow_pickle=False)
            return array
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return _json_list(path, json.loads(text))
    except (OSError, ValueError, EOFError) as error:
        raise EmbeddingError(f"the ids in {path} cannot be read: {error}; check the path and the file") from error
    lines = [line.strip().strip('"') for line in text.splitlines() if line.strip()]
    return lines[1:] if lines and lines[0] in HEADERS else lines


def _json_list(path: Path, content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise EmbeddingError(f"{path} holds {type(content).__name__}, expected a JSON list of ids")
    return content
