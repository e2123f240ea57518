"""What was run once more: one question, asked of seeds that had no part in raising it."""

from results_page.compared import against_baselines
from results_page.markdown import count
from results_page.sources import DataSet, Plan

_TEXT = (
    "The highest of many means is high by luck too, and a correction for every comparison above leaves little power. "
    "So one question was fixed in `docs/planned.toml` when the runs above were finished and before any of these was "
    "trained: is the method below better than each baseline, in recall@{k} under `standard`, on new seeds ({first} to "
    "{last})? Baselines were tuned again on each seed's validation interactions. The correction is over the "
    "comparisons of one data set here; signs are those of the section above. The data and its users are the same as "
    "above: what is new is which interactions are tested, and the training."
)


def section(data_sets: list[DataSet], plan: Plan) -> list[str]:
    """Return the lines of the section; none where no confirmation is planned."""
    if not plan.confirmation:
        return []
    begun = [data.confirmation for data in data_sets if data.confirmation]
    lines = ["## Confirmation", ""]
    if begun:
        config = begun[0].config
        seeds = {"first": config.first_seed, "last": config.first_seed + config.seeds - 1}
        lines += [_TEXT.format(k=begun[0].loaded.k, **seeds), ""]
    for data in data_sets:
        lines += [f"### {data.short}: new seeds", ""]
        lines += _of(data.confirmation) if data.confirmation else ["Not begun yet.", ""]
    return lines


def _of(data: DataSet) -> list[str]:
    n = len(data.missing)
    state = [f"{count(n, 'planned run')} {'is' if n == 1 else 'are'} missing; this may change.", ""] if n else []
    return [*against_baselines(data, data.trained()), *state]
