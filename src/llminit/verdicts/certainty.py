"""How sure verdicts are, and how much could have been shown."""

import math
from collections.abc import Iterable, Sequence

from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.record import Verdict


def n_better(verdicts: Iterable[Verdict]) -> int:
    """Return how many of these were shown better."""
    return sum(verdict.outcome == "better" for verdict in verdicts)


def often_missed(verdicts: Sequence[Verdict]) -> str:
    """Say why a gain whose own interval leaves out 0 was not shown, as a sentence; empty where there is none.

    Args:
        verdicts: About one method, all primary or all exploratory.
    """
    missed = [
        verdict
        for verdict in verdicts
        if verdict.outcome == "no difference shown"
        and not verdict.interval[0] <= 0 <= verdict.interval[1]
        and math.isfinite(verdict.detectable)
    ]
    if not missed:
        return ""
    sizes = sorted({round(100 * verdict.detectable) for verdict in missed})
    size = f"{sizes[0]} %" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} %"
    n = min(verdict.n_seeds for verdict in missed)
    return (
        f"An interval that leaves out 0 is not enough: with {_seeds(n)}, and corrected for {missed[0].n_comparisons} "
        f"comparisons, a difference of less than about {size} would often be missed. More seeds would tell."
    )


def how_sure(verdicts: Sequence[Verdict]) -> str:
    """Say what the claims of a comparison cover and how often they are false, as sentences.

    Args:
        verdicts: What is claimed, at least one.
    """
    n_seeds = [verdict.n_seeds for verdict in verdicts]
    min_seeds, max_seeds = min(n_seeds), max(n_seeds)
    seeds = _seeds(max_seeds) if min_seeds == max_seeds else f"{min_seeds} to {max_seeds} seeds"
    if max_seeds < MIN_SEEDS:
        return (
            f"Only {seeds}, so this is about these trained models and says nothing of another training run; compare "
            f"with at least {MIN_SEEDS} seeds, better 5, before you ship."
        )
    limit = (
        "" if min_seeds >= MIN_SEEDS else f" What has fewer than {MIN_SEEDS} seeds is about these trained models alone."
    )
    accepted = f"{100 * verdicts[0].alpha:g} %"
    return (
        f"{seeds[0].upper()}{seeds[1:]} of splitting and training. A claim is about the mean over users like these and "
        f"over training runs on this data; the chance that any claim of the whole comparison is false, primary or "
        f"exploratory and under either protocol, is at most {accepted}. Other data may differ. Intervals are 95 % for "
        f"each comparison on its own.{limit}"
    )


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"
