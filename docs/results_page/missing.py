"""What is planned and not there yet."""

from llminit.results import CellKey
from results_page.markdown import listed
from results_page.sources import DataSet


def section(data_sets: list[DataSet]) -> list[str]:
    """Return the lines of the section."""
    return ["## What is missing", "", *(line for data in data_sets for line in _of(data)), ""]


def _of(data: DataSet) -> list[str]:
    n, missing = len(data.planned), set(data.missing)
    ending = data.folder.removeprefix(data.name).removeprefix("-")
    short = f"{data.short}, {ending}" if ending else data.short
    failed = [f"- {short}, failed: `{failure.key.name}`: {failure.error}" for failure in data.loaded.failures]
    if not missing:
        return [f"- {short}: nothing; all {n} planned runs are finished.", *failed]
    models: dict[str, list[str]] = {}
    for model in dict.fromkeys(key.model for key in data.missing):
        models.setdefault(_of_model(data.planned, missing, model), []).append(model)
    parts = "; ".join(f"{', '.join(names)}: {state}" for state, names in models.items())
    return [f"- {short}: {n - len(missing)} of {n} planned runs are finished. Not complete: {parts}.", *failed]


def _of_model(planned: list[CellKey], missing: set[CellKey], model: str) -> str:
    """Return as "1 of 3 seeds complete, 10 of 27 runs, none of pca"."""
    keys = [key for key in planned if key.model == model]
    absent = [key for key in keys if key in missing]
    if len(absent) == len(keys):
        return "nothing yet"
    seeds = {key.seed for key in keys}
    complete = f"{len(seeds - {key.seed for key in absent})} of {len(seeds)} seeds"
    if len(keys) == len(seeds):
        return complete
    begun = {key.method for key in keys if key not in missing}
    without = list(dict.fromkeys(str(key.init) for key in keys if key.method not in begun))
    none = f", none of {listed(without)}" if without else ""
    return f"{complete} complete, {len(keys) - len(absent)} of {len(keys)} runs{none}"
