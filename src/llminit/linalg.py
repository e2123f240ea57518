"""Matrix products by the fastest library that torch was built with."""

from functools import cache

import torch


def matmul(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return left @ right.

    On the CPU torch sends float32 products to MKL, which uses a third of the vector units of processors that are not
    Intel's (measured: 70 against 200 GFLOP/s for one thread of an AMD EPYC). oneDNN, which torch also ships, uses all
    of them.

    Args:
        left: Shape (n, k); best when contiguous.
        right: Shape (k, m), of the same dtype and device.

    Returns:
        Shape (n, m).
    """
    if left.device.type == "cpu" and left.dtype == torch.float32 and _has_onednn():
        return _by_onednn(left, right)
    return left @ right


def _by_onednn(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(left, right.T, None, "none", [], "")  # noqa: SLF001
    return result


@cache
def _has_onednn() -> bool:
    """Return whether this build of torch has the operator and its result is right."""
    try:
        return bool((_by_onednn(torch.full((2, 3), 2.0), torch.ones(3, 4)) == 6).all())
    except (AttributeError, RuntimeError, TypeError):
        return False
