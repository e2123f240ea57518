"""Beyond accuracy: coverage, Gini, novelty, popularity bias and diversity of the recommendations."""

from collections.abc import Sequence

from llminit.report.content import Section
from llminit.report.data import ReportData
from llminit.report.numbers import decimals
from llminit.report.tables import Column, Table, TableCell, TableRow
from llminit.results import Method

DECIMALS = {"coverage": 3, "gini": 3, "novelty": 2, "popularity_bias": 2, "diversity": 3}


def section(data: ReportData) -> Section | None:
    """Return the section; None where nothing of it was measured."""
    measures = [measure for measure in DECIMALS if data.by_seed(measure)]
    methods = [method for method in data.main if any(method in data.by_seed(measure) for measure in measures)]
    if not methods:
        return None
    caption = (
        f"Lists of {data.k} under the standard protocol, means over seeds. Coverage: share of the catalogue that is "
        "recommended to a user. Gini: 0 when all items are recommended equally often, 1 when one is. Novelty: bits of "
        "surprise. Popularity bias: 1 is as popular as what users already have. Diversity: distance of a list's items "
        "in text space."
    )
    columns = [Column("Method"), *(Column(measure.replace("_", " "), numeric=True) for measure in measures)]
    rows = [_row(data, method, measures) for method in methods]
    return Section("beyond", "Beyond accuracy", "Beyond accuracy", [Table("beyond-table", caption, columns, rows)])


def _row(data: ReportData, method: Method, measures: Sequence[str]) -> TableRow:
    label = data.labels[method]
    cells = [TableCell(label, label)]
    for measure in measures:
        mean = data.mean(method, measure)
        value = mean.mean if mean else None
        cells.append(TableCell(decimals(value, DECIMALS[measure]), value))
    return TableRow(cells, method.model, method.kind)
