"""Text embeddings as models use them."""

import numpy as np
import pytest

from llminit.models.text_rows import whitened


def texts(n_items: int, width: int) -> np.ndarray:
    """Texts with a mean far from zero and directions of very different variance; the second item has none."""
    rng = np.random.default_rng(2)
    rows = (rng.normal(size=(n_items, width)) * 2.0 ** -np.arange(width) + 3).astype(np.float32)
    rows[1] = 0
    return rows


@pytest.mark.parametrize("n_directions", [1, 4])
def test_whitened_texts_are_the_leading_left_singular_vectors(n_directions: int) -> None:
    """Each column is a left singular vector of the centred texts, up to its sign; rows have a mean square of 1."""
    text = texts(50, 8)
    present = np.arange(50) != 1
    rows = whitened(text, n_directions)
    left = np.linalg.svd(text[present] - text[present].mean(axis=0), full_matrices=False)[0][:, :n_directions]
    scaled = left * np.sqrt(49 / n_directions)
    assert np.abs(rows[present]) == pytest.approx(np.abs(scaled), abs=1e-3)
    assert not rows[1].any()
    assert np.square(rows[present]).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)


def test_directions_in_which_texts_do_not_vary_are_left_out() -> None:
    """Five texts vary in four directions at most, however wide they are; equal texts in none."""
    assert whitened(np.random.default_rng(0).normal(size=(5, 30)).astype(np.float32), 30).shape == (5, 4)
    assert whitened(np.ones((5, 3), dtype=np.float32), 2).shape == (5, 0)
