"""Matrix products."""

import pytest
import torch

import oracles
from llminit import linalg
from llminit.linalg import matmul

SHAPES = [(1, 1, 1), (3, 5, 7), (256, 128, 1040), (17, 1040, 33), (4, 3, 0), (0, 3, 4)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_is_the_matrix_product(shape: tuple[int, int, int], turned: bool) -> None:
    """Any shape, an empty one too, and a right side in either order in memory."""
    n, k, m = shape
    left = torch.randn(n, k, generator=torch.Generator().manual_seed(0))
    right = torch.randn((m, k) if turned else (k, m), generator=torch.Generator().manual_seed(1))
    right = right.T if turned else right
    found = matmul(left, right)
    assert found.dtype == torch.float32
    assert found.shape == (n, m)
    if found.numel():
        oracles.assert_close(found, left.double() @ right.double(), 1e-5)


def test_works_where_torch_lacks_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fast library, torch's own product gives the same."""
    left, right = torch.randn(3, 4), torch.randn(4, 5)
    expected = matmul(left, right)
    monkeypatch.setattr(linalg, "_has_onednn", lambda: False)
    assert torch.allclose(matmul(left, right), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_stay(dtype: torch.dtype) -> None:
    """A product of another type has that type."""
    assert matmul(torch.ones(2, 3, dtype=dtype), torch.ones(3, 2, dtype=dtype)).dtype == dtype
