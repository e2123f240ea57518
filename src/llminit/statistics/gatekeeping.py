"""Families of tests that are corrected together, so that the chance of any false finding in any of them is bounded.

The families share alpha equally. Within its share each family is tested by Holm's procedure; a family in which nothing
is left open leaves its share to the others. Families with a false finding to make keep their own share until they make
one, so that all false findings together have a chance of at most alpha, however the tests depend on each other.
Source: Kordzakhia and Dmitrienko 2013, "Superchain procedures", Statistics in Medicine 32(3).
"""

from collections.abc import Sequence

import numpy as np

from llminit.arrays import AnyArray, Float64Array
from llminit.statistics.paired import holm


def corrected_families(families: Sequence[AnyArray]) -> list[Float64Array]:
    """Correct p-values over several families: the alpha for all families together at which each would be rejected.

    Args:
        families: The p-values of each family, float64 of shape (m,), m at least 1.

    Returns:
        The same shapes; of a single family, Holm's corrected values.

    Raises:
        InputError: A value is not in 0..1.
    """
    own = [holm(family) for family in families]
    order = sorted(range(len(own)), key=lambda index: float(own[index].max()))
    corrected: list[Float64Array] = [np.ones(0)] * len(own)
    # What it takes to be done with the families before, whose shares go to those that are left.
    done = 0.0
    for n_done, index in enumerate(order):
        n_left = len(own) - n_done
        for other in order[n_done:]:
            values = np.maximum(done, n_left * own[other])
            corrected[other] = np.minimum(corrected[other], values) if n_done else np.minimum(1.0, values)
        done = max(done, n_left * float(own[index].max()))
    return corrected


def levels_left(corrected: Sequence[AnyArray], alpha: float) -> list[float]:
    """Return for each family the alpha at which its next test would be made, once all that can be are rejected."""
    n_open = [int(np.count_nonzero(np.asarray(family) > alpha)) for family in corrected]
    n_families = max(1, sum(n > 0 for n in n_open))
    return [alpha / n_families / max(1, n) for n in n_open]
