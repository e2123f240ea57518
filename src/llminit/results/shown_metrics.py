"""The two metrics that are shown where there is no room for more."""

from collections.abc import Iterable

USUAL_K = 10
"""The length of the lists that is shown if it was measured."""


def shown_metrics(ks: Iterable[int]) -> tuple[str, str]:
    """Return recall and ndcg at 10 where that was measured, else at the smallest k.

    Args:
        ks: The lengths of the lists that were measured.
    """
    measured = set(ks)
    k = USUAL_K if USUAL_K in measured else min(measured, default=USUAL_K)
    return f"recall@{k}", f"ndcg@{k}"
