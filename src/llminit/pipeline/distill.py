"""Distilling what was learned into a pair of tables, and saying what that costs."""

import time
from dataclasses import replace
from typing import Any

from llminit.config import FitConfig
from llminit.data import HeldOut
from llminit.evaluation import factor_scorer
from llminit.models.distillation import N_PASSES, distilled
from llminit.models.serving import DotProduct
from llminit.pipeline.learned import Learned
from llminit.pipeline.validation import validation_metric
from llminit.progress import Reporter

LITTLE = 0.02
"""The share of the validation metric up to which a distillation loses little."""


def distilled_from(learned: Learned, held_out: HeldOut, config: FitConfig, width: int, reporter: Reporter) -> Learned:
    """Return two tables that keep the scores of what was learned, measured beside it on the validation interactions.

    Args:
        learned: What is distilled, such as a mixture.
        held_out: The data.
        config: How validation measures, and the seed.
        width: Columns of the tables.
        reporter: Receives progress, and what was lost.
    """
    started = time.perf_counter()
    with reporter.task("distilling", N_PASSES) as task:
        tables = distilled(learned.scorer, held_out.train, width, seed=config.seed, after_pass=task.advance)
    seconds = learned.seconds + time.perf_counter() - started
    scorer = factor_scorer(tables.users, tables.items)
    result = replace(learned, model=tables, scorer=scorer, cold=(None,), users_from=(None,), seconds=seconds)
    return replace(result, distilled=_compared(learned, tables, held_out, config, reporter))


def _compared(
    learned: Learned, tables: DotProduct, held_out: HeldOut, config: FitConfig, reporter: Reporter
) -> dict[str, Any]:
    """Return the width, and where there are validation interactions the metric of both and the share that is lost."""
    width = tables.items.shape[1]
    if not len(held_out.split.valid):
        return {"width": width}
    measure = validation_metric(held_out, config)
    before, after = measure(learned.scorer), measure(factor_scorer(tables.users, tables.items))
    loss = 1 - after / before if before > 0 else 0.0
    advice = "that is little" if loss <= LITTLE else f"more than {LITTLE:.0%}; a larger width loses less"
    reporter.note(
        f"distilled into two tables of {width} columns: {config.valid_metric} {after:.4f} on validation, against "
        f"{before:.4f} of the mixture, {100 * loss:.1f} % lost: {advice}"
    )
    return {"width": width, "metric": config.valid_metric, "mixture": before, "distilled": after, "loss": loss}
