"""Full ranking, the metrics that follow from it, and the two named protocols.

Everything here takes arrays: scores come in as a function of user codes, so any model can be evaluated.
"""

from llminit.evaluation.metrics import METRICS, mean_metric, mean_metrics, parse_metric, per_user
from llminit.evaluation.protocols import PROTOCOLS, evaluate, ranks_by_protocol, ranks_under
from llminit.evaluation.ranking import (
    RelevantRanks,
    Scorer,
    factor_scorer,
    matrix_scorer,
    rank_both,
    rank_relevant,
    top_k,
)

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "RelevantRanks",
    "Scorer",
    "evaluate",
    "factor_scorer",
    "matrix_scorer",
    "mean_metric",
    "mean_metrics",
    "parse_metric",
    "per_user",
    "rank_both",
    "rank_relevant",
    "ranks_by_protocol",
    "ranks_under",
    "top_k",
]
