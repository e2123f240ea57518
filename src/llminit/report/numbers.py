"""Means over seeds with their intervals, and numbers as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llminit.statistics.paired import paired_t

# Spaces where a line must not break become no-break spaces.
_UNBROKEN = {" %": "\u00a0%", "p = ": "p\u00a0=\u00a0", "p < ": "p\u00a0<\u00a0", " + ": "\u00a0+ "}


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Attributes:
        mean: The mean.
        low: Lower bound of its 95 % interval (Student's t over seeds); None for a single seed.
        high: Upper bound.
        n: How many seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_of(values: Sequence[float], lowest: float = -math.inf, highest: float = math.inf) -> Mean:
    """Return the mean of one value a seed, with its interval where there are two or more.

    Args:
        values: At least one.
        lowest: No value can be lower; Student's interval, which does not know of it, is cut off there.
        highest: No value can be higher.
    """
    if len(values) < 2:
        return Mean(float(values[0]), None, None, len(values))
    test = paired_t(np.asarray(values, dtype=np.float64))
    return Mean(test.mean, max(test.low, lowest), min(test.high, highest), test.n)


def decimals(value: float | None, digits: int = 4) -> str:
    """Return a number with this many decimals; missing is a dash."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """Return a share as percent with its sign; missing is a dash."""
    return "–" if share is None else f"{100 * share:+.1f} %".replace("-", "−")


def interval(mean: Mean, digits: int = 4) -> str:
    """Return the interval in brackets; empty where there is none."""
    return "" if mean.low is None else f"[{decimals(mean.low, digits)}, {decimals(mean.high, digits)}]"


def p_value(value: float | None) -> str:
    """Return a p-value as text."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: float | None) -> str:
    """Return a count with thousands separated."""
    return "–" if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Return seconds as text in a suitable unit."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def megabytes(n_bytes: float | None) -> str:
    """Return bytes as megabytes."""
    return "–" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB"


def unbroken(text: str) -> str:
    """Return a sentence in which no line ends between a number and its percent sign, or between p and its value."""
    for broken, kept in _UNBROKEN.items():
        text = text.replace(broken, kept)
    return text
