"""How far the eigenvalues of a covariance matrix should move to their mean, where rows are few."""

import numpy as np

from llminit.arrays import Float64Array


def ledoit_wolf(deviations: Float64Array, variances: Float64Array) -> float:
    """Return the shrinkage, in [0, 1], that minimises the expected squared error of the covariance matrix.

    Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004), section 3.2, with
    squared Frobenius norms (the paper divides all of them by D): b2 / d2, where d2 is the distance of the covariance S
    from its mean eigenvalue times I, and b2 estimates the distance of S from the truth: the mean of |x x' - S|^2 over
    the rows x, divided by n. Only row lengths and eigenvalues are needed, since the mean of |x x' - S|^2 is that of
    |x|^4, less |S|^2.

    Args:
        deviations: float64 of shape (n, D), rows less their mean.
        variances: float64 of shape (D,), the eigenvalues of their covariance (divided by n).
    """
    lengths = np.square(deviations).sum(axis=1)
    return shrinkage_of(np.square(lengths).mean(), variances, len(deviations))


def shrinkage_of(fourth_power: float, variances: Float64Array, n_rows: int) -> float:
    """Return the same, from the mean fourth power of the rows' distances from their mean."""
    distance = np.square(variances - variances.mean()).sum()
    error = (fourth_power - np.square(variances).sum()) / n_rows
    return float(min(error, distance) / distance) if distance > 0 else 0.0
