"""Choosing a baseline's options on the validation interactions; test interactions never come here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from scipy.sparse import csr_array, issparse

from llminit.arrays import FloatArray, IntArray
from llminit.config import Protocol
from llminit.data import HeldOut
from llminit.errors import InputError
from llminit.evaluation import mean_metric, parse_metric, ranks_under
from llminit.models.baseline import Baseline, FittedBaseline
from llminit.models.registry import BASELINES
from llminit.progress import SILENT, Reporter


@dataclass(frozen=True)
class Trial:
    """One point of the grid.

    Attributes:
        options: What was tried.
        valid: The metric's mean over the users with validation interactions.
    """

    options: dict[str, Any]
    valid: float


@dataclass(frozen=True, eq=False)
class Tuned:
    """A baseline with the options that were best on the validation interactions.

    Attributes:
        options: The best trial's; `BASELINES[name].make(**options)` with them fits the same again.
        fitted: Fitted with them on the training interactions.
        trials: Every point of the grid, in the grid's order.
    """

    options: dict[str, Any]
    fitted: FittedBaseline
    trials: list[Trial]


def tune(
    name: str,
    train: csr_array,
    valid: csr_array,
    seen: csr_array,
    *,
    text: FloatArray | None = None,
    order: csr_array | None = None,
    metric: str = "ndcg@10",
    protocol: Protocol = "standard",
    options: Mapping[str, Any] | None = None,
    users: IntArray | None = None,
    reporter: Reporter = SILENT,
) -> Tuned:
    """Fit a baseline at every point of its grid and keep the one that is best on the validation interactions.

    Of equal ones, the first in the grid's order is kept. At most two fitted models are held at a time.

    Args:
        name: A registered baseline.
        train: float32 of shape (n_users, n_items), non-zero where a user has an item in the training data.
        valid: The same shape; non-zero where an item is held out for validation.
        seen: The same shape; what `standard` removes from the ranking when validating, the training interactions.
        text: Text embeddings, float32 of shape (n_items, D), for a baseline that needs them.
        order: The place of each training interaction among those of its user, in time; None where it is not known.
        metric: What decides, as name@k.
        protocol: The protocol under which it is measured.
        options: Options with a fixed value; one that the grid varies is then not varied.
        users: int64 of shape (m,), the users who are measured; None takes all with a validation interaction.
        reporter: Receives progress, in points of the grid.

    Raises:
        ConfigError: The name, an option, the metric or the protocol is unknown, an option's value cannot be used, or
            text is needed and was not given.
        InputError: There are no validation interactions, or a matrix cannot be used.
    """
    kind = BASELINES[name]
    parse_metric(metric)
    points = grid_points(kind, options or {})
    candidates = [kind.make(**point) for point in points]
    if issparse(valid) and valid.count_nonzero() == 0:
        raise InputError(
            "there are no validation interactions to tune on, expected at least one; use a split that holds some out, "
            "or make the baseline with options of your choice"
        )
    trials: list[Trial] = []
    best = -math.inf
    with reporter.task(f"tuning {name}", len(points)) as task:
        for point, candidate in zip(points, candidates, strict=True):
            fitted = candidate.fit(train, text, order)
            ranks = ranks_under(protocol, fitted.scores, valid, seen, users=users)
            trials.append(Trial(point, mean_metric(ranks, metric)))
            if trials[-1].valid > best:
                best, chosen = trials[-1].valid, (point, fitted)
            task.advance(status=f"best {metric} {best:.4f}")
    return Tuned(*chosen, trials)


def order_for(name: str, held_out: HeldOut) -> csr_array | None:
    """Return the order of the training interactions for a baseline that learns from it; None for the others."""
    return held_out.train_order if BASELINES[name].learns_from_order else None


def grid_points(kind: type[Baseline], fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Combine the values of a baseline's grid, each with the fixed options; one point where there is no grid."""
    varied = {option: values for option, values in kind.grid.items() if option not in fixed}
    return [dict(fixed) | dict(zip(varied, values, strict=True)) for values in product(*varied.values())]
