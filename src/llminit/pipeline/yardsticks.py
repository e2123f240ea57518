"""Simple models beside every fit, and one line that says whether the fitted one is better."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import FitConfig, Protocol
from llminit.data import HeldOut
from llminit.evaluation import METRICS, Scorer, mean_metrics, per_user, ranks_by_protocol
from llminit.models import BASELINES, Sizes
from llminit.pipeline.learn import fit_baseline
from llminit.progress import SILENT, Reporter
from llminit.statistics.two_way import compare_paired

MAX_ITEMS_OF_EASE = 4_000
"""Up to so many items EASE is the strong one, over them RP3-beta: EASE's time grows with the cube of the items.

On Amazon Beauty, with 6,086 of them, choosing EASE's penalty took three quarters of a whole `fit`; RP3-beta is 4 %
below EASE there, 5 % above it on Toys, and takes a tenth of the time.
"""

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


def measured(scorer: Scorer, held_out: HeldOut) -> Measured:
    """Measure a model on the test interactions under both protocols."""
    ranks = ranks_by_protocol(scorer, held_out.test, held_out.seen_at_test)
    metrics = {protocol: mean_metrics(of_users, _KS, tuple(METRICS)) for protocol, of_users in ranks.items()}
    return Measured(metrics, per_user(ranks["standard"], METRIC))


def yardstick_names(n_items: int) -> tuple[str, str]:
    """Return what a fit is measured beside: what everybody gets, and a strong model that needs a few lines."""
    return "popularity", "ease" if n_items <= MAX_ITEMS_OF_EASE else "rp3beta"


def measured_yardsticks(held_out: HeldOut, config: FitConfig, reporter: Reporter = SILENT) -> dict[str, Measured]:
    """Fit the simple models, their options chosen on validation, and measure them; those too large are left out."""
    dataset, models = held_out.dataset, {}
    sizes = Sizes(dataset.n_users, dataset.n_items, dataset.n_interactions)
    for name in yardstick_names(dataset.n_items):
        if name == config.backbone:
            continue
        if BASELINES[name].memory_bytes(sizes) > MAX_BYTES:
            reporter.note(f"{name} is not measured beside it: for {dataset.n_items} items it needs too much memory")
            continue
        started = time.perf_counter()
        fitted, options = fit_baseline(name, held_out, None, config, {}, reporter)
        result = measured(fitted.scores, held_out)
        models[name] = Measured(result.metrics, result.by_user, time.perf_counter() - started, options)
    return models


def verdict(model: Measured, others: dict[str, Measured]) -> str:
    """Return one line: how the model stands to the strongest of the simple ones, and how sure that is."""
    if not others:
        return "No simple model was measured beside it."
    name = max(others, key=lambda other: others[other].metrics["standard"][METRIC])
    reference = others[name]
    means = model.metrics["standard"][METRIC], reference.metrics["standard"][METRIC]
    beside = f"{METRIC} {means[0]:.4f} against {means[1]:.4f} of {name}, the strongest simple model"
    if len(model.by_user) < 2 or np.array_equal(model.by_user, reference.by_user):
        return f"{beside}: no difference shown."
    comparison = compare_paired(model.by_user[np.newaxis], reference.by_user[np.newaxis])
    low, high = (100 * bound for bound in comparison.gain_interval())
    gain = f", {100 * comparison.gain:+.1f} % [{low:.1f}, {high:.1f}]" if np.isfinite([low, high]).all() else ""
    difference = "better" if comparison.difference > 0 else "worse"
    says = difference if comparison.p_value <= 0.05 else "no difference shown"
    return f"{beside}: {says}{gain} (for users like these; one split and one training run)."
