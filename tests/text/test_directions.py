"""The widest initial embeddings that texts allow."""

import numpy as np
import polars as pl
import pytest

from llminit.text import TextEmbeddings
from llminit.text.directions import directions


def of_rank(rank: int, n: int = 5000, width: int = 20) -> TextEmbeddings:
    """Texts that vary in `rank` directions, beside rounding."""
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(n, rank)) @ rng.normal(size=(rank, width))).astype(np.float32)
    return TextEmbeddings.from_arrays(pl.Series(range(n)), values)


@pytest.mark.parametrize(("enough", "expected"), [(None, 9), (3, 3), (9, 9), (10, 9), (64, 9)])
def test_the_rank_is_found(enough: int | None, expected: int) -> None:
    """Of more texts than are looked at too, and no more of it than is asked for."""
    assert directions(of_rank(9), enough) == expected


def test_few_texts() -> None:
    """Rows that are missing do not count, and there is always one direction."""
    text = of_rank(9, n=6)
    assert directions(text) == 5
    missing = np.array([True, True, False, False, False, False])
    assert directions(TextEmbeddings.from_arrays(text.ids, text.values, missing)) == 3
    assert directions(TextEmbeddings.from_arrays(text.ids, text.values, ~np.eye(1, 6, dtype=bool)[0])) == 1


def test_texts_that_are_mostly_the_same() -> None:
    """Where the looked-at few are alike, all are looked at before that is believed."""
    values = np.zeros((4000, 30), dtype=np.float32)
    values[:, 0] = 1
    odd = np.arange(1, 4000, 7)
    values[odd] += np.random.default_rng(1).normal(size=(len(odd), 30)).astype(np.float32)
    text = TextEmbeddings.from_arrays(pl.Series(range(4000)), values)
    assert directions(text, 30) == 30
