"""What all contract tests share: raising for a broken promise, and comparing results and errors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from llminit.arrays import AnyArray
from llminit.errors import InputError


def promise(kept: bool, what: str, part: str) -> None:
    """Raise an AssertionError that names the part and its promise, unless it is kept."""
    if not kept:
        raise AssertionError(f"the {part} breaks its contract: {what}")


def close(left: AnyArray, right: AnyArray, tolerance: float) -> bool:
    """Return whether two arrays have the same shape and differ by at most `tolerance` everywhere."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=0, atol=tolerance))


def refuses(expected: type[InputError], work: Callable[[], Any], says: str = "") -> bool:
    """Return whether `work` raises the expected error with a message that contains `says`."""
    try:
        work()
    except expected as error:
        return says in str(error)
    return False
