"""Maps of items."""

import subprocess
import sys

import numpy as np
import pytest

from llminit.analysis import item_map, matrices
from llminit.arrays import FloatArray
from llminit.errors import EmbeddingError, InputError


def draw(n: int = 200, d: int = 5) -> FloatArray:
    """Items that differ most along the second column, then along the fourth."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) * [1, 9, 1, 4, 1] + 3).astype(np.float32)


def test_the_map_shows_the_two_directions_of_most_variance() -> None:
    """Coordinates are the centred items along the leading directions, as a full decomposition finds them."""
    items = draw()
    coordinates = item_map(items)
    centred = items - items.mean(axis=0)
    expected = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    assert coordinates.dtype == np.float32
    assert coordinates.shape == (200, 2)
    np.testing.assert_allclose(np.abs(coordinates), np.abs(expected), atol=1e-3)
    for axis, column in ((0, 1), (1, 3)):
        assert np.corrcoef(coordinates[:, axis], items[:, column])[0, 1] > 0.9


def test_the_sign_does_not_depend_on_the_order_of_items() -> None:
    """The same items in another order have the same coordinates."""
    items = draw()
    np.testing.assert_allclose(item_map(items[::-1])[::-1], item_map(items), atol=1e-3)


def test_a_sample_finds_nearly_the_same_directions_and_maps_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directions come from a seeded sample; every item is mapped, in blocks of bounded memory."""
    items = draw(2000)
    whole, sampled = item_map(items), item_map(items, n_sample=500, seed=1)
    assert sampled.shape == (2000, 2)
    assert not np.array_equal(whole, sampled)
    assert np.array_equal(sampled, item_map(items, n_sample=500, seed=1))
    for axis in range(2):
        assert np.corrcoef(whole[:, axis], sampled[:, axis])[0, 1] > 0.98
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 8 * 5 * 7)
    np.testing.assert_allclose(item_map(items, n_sample=500, seed=1), sampled, atol=1e-4)


def test_a_single_column_lies_on_a_line() -> None:
    """With one dimension there is no second direction."""
    coordinates = item_map(np.array([[1.0], [3.0], [5.0]]))
    assert coordinates.tolist() == [[-2, 0], [0, 0], [2, 0]]


def test_invalid_input_is_refused() -> None:
    """No items to compute directions from, or values that are not numbers, are named."""
    with pytest.raises(InputError, match="n_sample=0"):
        item_map(draw(), n_sample=0)
    with pytest.raises(EmbeddingError, match="NaN"):
        item_map(draw() * np.nan)


def test_analysis_needs_numpy_alone() -> None:
    """Importing it loads neither torch nor numba."""
    program = "import sys, llminit.analysis; sys.exit('numba' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
