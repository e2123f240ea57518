"""Beyond accuracy: what the recommendations are like."""

from llminit.report.html import Row, Section, Shown, Table
from llminit.report.loaded import Loaded
from llminit.report.numbers import decimals
from llminit.results import Method

MEASURES = {"coverage": 3, "gini": 3, "novelty": 2, "popularity_bias": 2, "diversity": 3}


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where nothing of it was measured."""
    measures = [each for each in MEASURES if loaded.by_seed(each)]
    methods = [each for each in loaded.main if any(each in loaded.by_seed(measure) for measure in measures)]
    if not methods:
        return None
    caption = (
        f"Lists of {loaded.k} under the standard protocol, means over seeds. Coverage: share of the catalogue that is "
        "recommended to anybody. Gini: 0 when all items are recommended equally often, 1 when one is. Novelty: bits of "
        "surprise. Popularity bias: 1 is as popular as what users already have. Diversity: distance of a list's items "
        "in text space."
    )
    columns = ["Method", *(f"#{each.replace('_', ' ')}" for each in measures)]
    rows = [_row(loaded, each, measures) for each in methods]
    body = Table("beyond-table", caption, columns, rows).html()
    return Section("beyond", "Beyond accuracy", "Beyond accuracy", body)


def _row(loaded: Loaded, method: Method, measures: list[str]) -> Row:
    label = loaded.labels[method]
    cells = [Shown(label, label)]
    for measure in measures:
        mean = loaded.mean(method, measure)
        value = mean.mean if mean else None
        cells.append(Shown(decimals(value, MEASURES[measure]), value))
    return Row(cells, method.model, method.kind)
