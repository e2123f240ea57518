"""How much was shown of a method, and how much could have been."""

import math
from collections.abc import Iterable, Sequence

from llminit.results.key import Method
from llminit.verdicts.record import Verdict


def most_shown(verdicts: Iterable[Verdict]) -> tuple[Method, list[Verdict]] | None:
    """Return the method that was shown better than the most others, with all its verdicts; None where none was.

    Of several the one with the highest mean. The highest mean of all may rest on few seeds, of which little can be
    shown. Verdicts on so few seeds that another training run may differ do not count.
    """
    by_method: dict[Method, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.covers_training:
            by_method.setdefault(verdict.method, []).append(verdict)
    best = max(by_method.items(), key=lambda found: (n_better(found[1]), found[1][0].mean), default=None)
    return best if best and n_better(best[1]) else None


def n_better(verdicts: Iterable[Verdict]) -> int:
    """Return how many of these were shown better."""
    return sum(verdict.outcome == "better" for verdict in verdicts)


def often_missed(verdicts: Sequence[Verdict]) -> str:
    """Say why a gain whose own interval leaves out 0 was not shown, as a sentence; empty where there is none.

    Args:
        verdicts: Of one family, about one method.
    """
    found = [
        verdict
        for verdict in verdicts
        if verdict.outcome == "no difference shown"
        and not verdict.interval[0] <= 0 <= verdict.interval[1]
        and math.isfinite(verdict.detectable)
    ]
    if not found:
        return ""
    sizes = sorted({round(100 * verdict.detectable) for verdict in found})
    size = f"{sizes[0]} %" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} %"
    n = min(verdict.n_seeds for verdict in found)
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    return (
        f"An interval that leaves out 0 is not enough: with {seeds}, and corrected for {found[0].n_comparisons} "
        f"comparisons, a difference of less than about {size} would often be missed. More seeds would tell."
    )
