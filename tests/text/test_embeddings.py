"""Text embeddings with ids."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from llminit.arrays import AnyArray, BoolArray
from llminit.errors import EmbeddingError
from llminit.text.embeddings import TextEmbeddings


def embeddings(ids: Sequence[Any], width: int = 3, missing: BoolArray | None = None) -> TextEmbeddings:
    values = np.arange(len(ids) * width, dtype=np.float64).reshape(len(ids), width) + 1
    return TextEmbeddings.from_arrays(pl.Series(ids), values, missing)


def test_alignment_follows_the_vocabulary() -> None:
    """Rows come in the order of the vocabulary; unknown ids, and items without text, are missing and zero."""
    held = embeddings(["a", "b", "c"], missing=np.array([False, True, False]))
    aligned = held.aligned_to(pl.Series(["c", "x", "b", "a"]))
    assert aligned.ids.to_list() == ["c", "x", "b", "a"]
    assert aligned.missing.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(aligned.values, [[7, 8, 9], [0, 0, 0], [0, 0, 0], [1, 2, 3]])
    assert (aligned.width, aligned.n_missing, len(aligned)) == (3, 2, 4)
    assert aligned.values.dtype == np.float32


@pytest.mark.parametrize(
    ("ids", "vocabulary_ids", "matches"),
    [
        ([1, 2, 3], ["1", "03", "3"], [True, False, True]),
        (["1", "02"], [1, 2], [True, False]),
        ([1.0, 2.0], [2, 3], [True, False]),
        ([1.0, 2.0], ["2", "3"], [True, False]),
        ([10**17 + 1], [str(10**17 + 1), str(10**17)], [True, False]),
    ],
)
def test_ids_of_different_types_match_without_loss(
    ids: list[Any], vocabulary_ids: list[Any], matches: list[bool]
) -> None:
    """7 and "7" are one id, "07" is another, and large integers are not rounded."""
    aligned = embeddings(ids).aligned_to(pl.Series(vocabulary_ids))
    assert (~aligned.missing).tolist() == matches


def test_small_integer_types_match() -> None:
    """The width of an integer type does not matter."""
    held = TextEmbeddings.from_arrays(pl.Series([1, 2], dtype=pl.UInt8), np.ones((2, 2)))
    assert held.aligned_to(pl.Series([2, 9], dtype=pl.Int64)).missing.tolist() == [False, True]


def test_nothing_matches_shows_ids_of_both_sides() -> None:
    """Ids that match nothing are an error with examples from both sides."""
    with pytest.raises(EmbeddingError, match=r"'x1'.*'a'"):
        embeddings(["a", "b"]).aligned_to(pl.Series(["x1", "x2"]))


def test_all_items_without_text() -> None:
    """If no item of the vocabulary has text, the error says so."""
    with pytest.raises(EmbeddingError, match="all empty"):
        embeddings(["a", "b"], missing=np.array([True, False])).aligned_to(pl.Series(["a"]))


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (["a", "b"], np.array([[1, np.nan], [1, 2]]), r"1 of 2 rows.*'a'"),
        (["a", "b"], np.array([[1, 2], [1, -np.inf]]), r"1 of 2 rows.*'b'"),
        (["a", "b"], np.array([[1, 2], [1, 1e300]]), r"'b'"),
        (["a", "a"], np.ones((2, 2)), r"more than once.*'a'"),
        (["a", None], np.ones((2, 2)), "no id"),
        (["a"], np.ones((2, 2)), "1 ids and 2 rows"),
        ([], np.ones((0, 2)), "0 rows"),
        (["a"], np.ones((1, 0)), "width 0"),
        (["a"], np.ones(3), r"shape \(3,\)"),
        (["a"], np.array([["x"]]), "real numbers"),
    ],
)
def test_unusable_arrays(ids: list[str | None], values: AnyArray, message: str) -> None:
    """Whatever cannot be used is named with where it is."""
    with pytest.raises(EmbeddingError, match=message):
        TextEmbeddings.from_arrays(pl.Series(ids, dtype=pl.String), values)
