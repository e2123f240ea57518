"""What was shown about new items: trained models against simpler ways, at the same loss of the other items.

Of each trained model and each other way a seed gives a pair, as both have the same held-out items and users there. The
tests are Student's paired t over seeds, corrected by Holm for all comparisons of what was held out alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from llminit.results import ColdCell, Method
from llminit.results.cold import TRADES
from llminit.statistics.paired import ALPHA, holm, paired_t
from llminit.statistics.two_way import MIN_SEEDS

Outcome = Literal["better", "worse", "no difference shown"]

MEASURE = "recall@10"


@dataclass(frozen=True)
class ColdVerdict:
    """One comparison.

    Attributes:
        method: A trained model.
        other: What it is compared with.
        loss: The loss of warm recall@10 at which they are compared.
        mean: The method's recall@10 of new items there, over the seeds that both have.
        other_mean: The other's.
        difference: Their mean difference.
        low: Lower bound of its 95 % interval, of this comparison on its own.
        high: Upper bound.
        p_value: Corrected.
        n_seeds: How many pairs.
    """

    method: Method
    other: Method
    loss: float
    mean: float
    other_mean: float
    difference: float
    low: float
    high: float
    p_value: float
    n_seeds: int

    @property
    def outcome(self) -> Outcome:
        """What was shown."""
        if self.p_value > ALPHA or self.difference == 0:
            return "no difference shown"
        return "better" if self.difference > 0 else "worse"


def cold_verdicts(cells: Sequence[ColdCell]) -> list[ColdVerdict]:
    """Compare every trained model with every other way, at each of `TRADES`, where they have enough seeds.

    Args:
        cells: Cells of which the same was held out.
    """
    by_method: dict[Method, dict[int, ColdCell]] = {}
    for cell in cells:
        if cell.rows:
            by_method.setdefault(cell.key.method, {})[cell.key.seed] = cell
    trained = [method for method in by_method if method.kind == "backbone"]
    others = [method for method in by_method if method.kind == "baseline"]
    verdicts = [
        _compared(method, other, loss, by_method[method], by_method[other])
        for loss in TRADES
        for method in trained
        for other in others
        if other.encoder in (None, method.encoder)
        and len(by_method[method].keys() & by_method[other].keys()) >= MIN_SEEDS
    ]
    corrected = holm(np.array([verdict.p_value for verdict in verdicts]))
    return [replace(verdict, p_value=float(p)) for verdict, p in zip(verdicts, corrected, strict=True)]


def _compared(
    method: Method, other: Method, loss: float, own: dict[int, ColdCell], others: dict[int, ColdCell]
) -> ColdVerdict:
    seeds = sorted(own.keys() & others.keys())
    mine, theirs = (np.array([cells[seed].at(loss, MEASURE) for seed in seeds]) for cells in (own, others))
    test = paired_t(mine - theirs)
    means = float(mine.mean()), float(theirs.mean())
    return ColdVerdict(method, other, loss, *means, test.mean, test.low, test.high, test.p_value, test.n)
