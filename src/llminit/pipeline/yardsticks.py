"""Simple models beside every fit, and one line that says whether the fitted one is better."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import HeldOutConfig, Protocol
from llminit.data import HeldOut
from llminit.evaluation import METRICS, Scorer, mean_metrics, per_user, ranks_by_protocol
from llminit.models import BASELINES, Sizes
from llminit.pipeline.grid_search import tune
from llminit.progress import SILENT, Reporter
from llminit.statistics.two_way import compare_paired

NAMES = ("popularity", "ease")
"""What every fit is measured beside: what everybody gets, and the strongest model that needs a few lines."""

MAX_BYTES = 2 * 2**30
"""A baseline that would need more memory is left out."""

METRIC = "recall@10"
_KS = (10, 20)


@dataclass(frozen=True, eq=False)
class Measured:
    """A model on the test interactions.

    Attributes:
        metrics: By protocol, names such as "recall@10".
        by_user: `METRIC` of each tested user under `standard`, float64 of shape (m,).
        seconds: How long fitting and measuring took.
        options: The options that validation chose.
    """

    metrics: dict[Protocol, dict[str, float]]
    by_user: Float64Array
    seconds: float = 0.0
    options: dict[str, Any] | None = None


def measured(scorer: Scorer, held_out: HeldOut) -> Measured | None:
    """Measure a model on the test interactions under both protocols; None where there are none."""
    if not len(held_out.split.test):
        return None
    ranks = ranks_by_protocol(scorer, held_out.test, held_out.seen_at_test)
    metrics = {protocol: mean_metrics(found, _KS, tuple(METRICS)) for protocol, found in ranks.items()}
    return Measured(metrics, per_user(ranks["standard"], METRIC))


def measured_yardsticks(held_out: HeldOut, config: HeldOutConfig, reporter: Reporter = SILENT) -> dict[str, Measured]:
    """Fit the simple models, their options chosen on validation, and measure them; those too large are left out."""
    dataset, found = held_out.dataset, {}
    sizes = Sizes(dataset.n_users, dataset.n_items, dataset.n_interactions)
    for name in NAMES:
        if BASELINES[name].memory_bytes(sizes) > MAX_BYTES:
            reporter.note(f"{name} is left out: {dataset.n_items} items are too many for it here")
            continue
        started = time.perf_counter()
        fitted, options = _fitted(name, held_out, config, reporter)
        result = measured(fitted.scores, held_out)
        if result is not None:
            seconds = time.perf_counter() - started
            found[name] = Measured(result.metrics, result.by_user, seconds, options)
    return found


def _fitted(name: str, held_out: HeldOut, config: HeldOutConfig, reporter: Reporter) -> tuple[Any, dict[str, Any]]:
    if not len(held_out.split.valid):
        return BASELINES[name].make().fit(held_out.train), {}
    metric, protocol = config.valid_metric, config.valid_protocol
    chosen = tune(
        name,
        held_out.train,
        held_out.valid,
        held_out.seen_at_valid,
        metric=metric,
        protocol=protocol,
        reporter=reporter,
    )
    return chosen.fitted, chosen.options


def verdict(own: Measured, others: dict[str, Measured]) -> str:
    """Return one line: how the model stands to the strongest of the simple ones, and how sure that is."""
    if not others:
        return "No simple model was measured beside it."
    name = max(others, key=lambda other: others[other].metrics["standard"][METRIC])
    reference = others[name]
    means = own.metrics["standard"][METRIC], reference.metrics["standard"][METRIC]
    beside = f"{METRIC} {means[0]:.4f} against {means[1]:.4f} of {name}, the strongest simple model"
    if len(own.by_user) < 2 or np.array_equal(own.by_user, reference.by_user):
        return f"{beside}: no difference shown."
    found = compare_paired(own.by_user[np.newaxis], reference.by_user[np.newaxis])
    low, high = found.gain_interval()
    gain = f"{100 * found.gain:+.1f} % [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite([low, high]).all() else ""
    says = "no difference shown" if found.p_value > 0.05 else "better" if found.difference > 0 else "worse"
    return f"{beside}: {says} {gain}".rstrip() + " (for users like these; one split and one training run)."
