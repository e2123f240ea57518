"""Text embeddings with the ids of their items: the output of encoders and files, and the input of selectors."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from llminit.arrays import AnyArray, BoolArray, FloatArray, IntArray
from llminit.errors import DataError, EmbeddingError, shown
from llminit.ids import checked, converted, examples
from llminit.mapped import is_mapped, row_blocks, taken


@dataclass(frozen=True, eq=False)
class TextEmbeddings:
    """One text embedding per item; items without text have a row of zeros and are marked as missing.

    Attributes:
        ids: The items' ids, unique and without nulls, of length n.
        values: float32 of shape (n, D), finite; zeros where `missing`.
        missing: bool of shape (n,); True for items without text.
    """

    ids: pl.Series
    values: FloatArray
    missing: BoolArray

    @classmethod
    def from_arrays(
        cls, ids: pl.Series, values: AnyArray, missing: BoolArray | None = None, source: str = "the text embeddings"
    ) -> Self:
        """Build text embeddings from ids and values, after checking both.

        Args:
            ids: The items' ids, of length n.
            values: Numbers of shape (n, D), any type; kept as float32.
            missing: bool of shape (n,); the values of these rows are replaced by zeros. None means that all items have
                text.
            source: Name of the embeddings in error messages, such as a path.

        Raises:
            EmbeddingError: The shapes do not fit, there is no row or no column, an id is null or appears twice, or a
                value is NaN or infinite.
        """
        _check_shape(ids, values, source)
        ids = _checked_ids(ids, source)
        marks = np.zeros(len(ids), dtype=np.bool_) if missing is None else np.asarray(missing, dtype=np.bool_)
        with np.errstate(over="ignore"):  # A double beyond float32's range becomes infinite and is reported below.
            rows = np.ascontiguousarray(values, dtype=np.float32)
        if marks.any() and rows[marks].any():
            rows = np.where(marks[:, None], np.float32(0), rows)
        _check_finite(ids, rows, source)
        return cls(ids=ids.alias("item_id"), values=rows, missing=marks)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return int(self.values.shape[1])

    @property
    def n_missing(self) -> int:
        """Number of items without text."""
        return int(self.missing.sum())

    def aligned_to(self, vocabulary_ids: pl.Series) -> "TextEmbeddings":
        """Return the embeddings of a vocabulary's items, in code order; items without an embedding are missing.

        Ids of different types are compared without loss: the integer 7 and the string "7" are the same id, the
        string "07" is another one.

        Args:
            vocabulary_ids: The items' ids, in code order.

        Raises:
            EmbeddingError: None of the items has an embedding, or none of them has text.
        """
        rows = _rows_of(self.ids, vocabulary_ids)
        present = rows >= 0
        if len(rows) and not present.any():
            raise EmbeddingError(_no_match_message(self.ids, vocabulary_ids))
        if is_mapped(self.values) and np.array_equal(rows, np.arange(len(self))):
            return TextEmbeddings(ids=vocabulary_ids, values=self.values, missing=self.missing)
        missing = ~present
        missing[present] = self.missing[rows[present]]
        if len(rows) and missing.all():
            raise EmbeddingError(
                f"none of the {len(rows)} items has a text embedding: their item texts are all empty; encode items "
                "that have text, or choose other columns in the text template"
            )
        if is_mapped(self.values):
            values = taken(self.values, np.where(missing, -1, rows))
        else:
            values = np.zeros((len(rows), self.width), dtype=np.float32)
            values[~missing] = self.values[rows[~missing]]
        return TextEmbeddings(ids=vocabulary_ids, values=values, missing=missing)


def _rows_of(ids: pl.Series, vocabulary_ids: pl.Series) -> IntArray:
    """Return the row in `ids` of each id of a vocabulary, int64, -1 for an id that is not in `ids`."""
    known_ids = converted(ids, vocabulary_ids.dtype)
    numbered = pl.DataFrame({"id": known_ids, "row": np.arange(len(ids), dtype=np.int64)}).drop_nulls("id")
    joined = pl.DataFrame({"id": vocabulary_ids}).join(numbered, on="id", how="left", maintain_order="left")
    return joined["row"].fill_null(-1).to_numpy().astype(np.int64)


def _no_match_message(ids: pl.Series, vocabulary_ids: pl.Series) -> str:
    return (
        f"none of the {len(vocabulary_ids)} items has a text embedding: the items' ids look like "
        f"{examples(vocabulary_ids)}, the ids of the text embeddings like {examples(ids)}; use embeddings of "
        "the same items, with the same ids"
    )


def _check_shape(ids: pl.Series, values: AnyArray, source: str) -> None:
    if values.ndim != 2:
        raise EmbeddingError(f"{source}: found an array of shape {values.shape}, expected (n_items, width)")
    if not np.issubdtype(values.dtype, np.number) or np.issubdtype(values.dtype, np.complexfloating):
        raise EmbeddingError(f"{source}: found values of type {values.dtype}, expected real numbers")
    if len(ids) != len(values):
        raise EmbeddingError(
            f"{source}: found {len(ids)} ids and {len(values)} rows, expected one id a row; check that both belong "
            "together"
        )
    if 0 in values.shape:
        raise EmbeddingError(
            f"{source}: found {values.shape[0]} rows of width {values.shape[1]}, expected at least one of each; "
            "encode the items again"
        )


def _checked_ids(ids: pl.Series, source: str) -> pl.Series:
    if ids.null_count():
        raise EmbeddingError(f"{source}: {ids.null_count()} rows have no id; give each row the id of its item")
    try:
        ids = checked(ids, ids.name or "item_id", source)
    except DataError as error:
        raise EmbeddingError(str(error)) from error
    duplicated = ids.filter(ids.is_duplicated())
    if len(duplicated):
        raise EmbeddingError(
            f"{source}: {duplicated.n_unique()} ids appear more than once, the first is {shown(duplicated[0])}; keep "
            "one row an item"
        )
    return ids


def _check_finite(ids: pl.Series, values: FloatArray, source: str) -> None:
    # NaN and infinity both show in the minimum or maximum, which need no second array of this size.
    if is_mapped(values):
        finite = all(np.isfinite(block.min()) and np.isfinite(block.max()) for _, block in row_blocks(values))
    else:
        finite = bool(np.isfinite(values.min()) and np.isfinite(values.max()))
    if finite:
        return
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    raise EmbeddingError(
        f"{source}: {len(broken)} of {len(values)} rows hold NaN or infinite values, the first is item "
        f"{shown(ids[int(broken[0])])}; encode those items again, or leave their rows out so that they count as items "
        "without text"
    )
