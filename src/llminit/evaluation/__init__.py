"""Full ranking, metrics overall and by group, and the two named protocols.

Everything here takes arrays: scores come from a function of user codes, so any model can be evaluated.
"""

from llminit.evaluation.beyond_accuracy import measure_lists
from llminit.evaluation.groups import COUNT_BINS, GroupValue, grouped_metrics, item_groups, user_groups
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
    "COUNT_BINS",
    "METRICS",
    "PROTOCOLS",
    "GroupValue",
    "RelevantRanks",
    "Scorer",
    "evaluate",
    "factor_scorer",
    "grouped_metrics",
    "item_groups",
    "matrix_scorer",
    "mean_metric",
    "mean_metrics",
    "measure_lists",
    "parse_metric",
    "per_user",
    "rank_both",
    "rank_relevant",
    "ranks_by_protocol",
    "ranks_under",
    "top_k",
    "user_groups",
]
