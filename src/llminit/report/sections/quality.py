"""Quality against seconds: every model as a point, and those that no other beats in both."""

from collections.abc import Mapping

from llminit.report.content import Block, Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.front import Point, pareto_front
from llminit.report.numbers import decimals, duration, interval
from llminit.report.sections.dots import BASELINES, style_of
from llminit.report.sections.quality_figure import quality_panel
from llminit.report.tables import Column, Table, TableCell, TableRow
from llminit.results import Method, distinct_labels

METRIC = "ndcg"
_MAX_ROWS = 12
_MIN_SECONDS = 1e-3
_SECONDS = (
    "Seconds are the median over seeds of what training or fitting took: the initial embeddings, all validation with "
    "early stopping, and the search over a baseline's options are in it; reading, filtering, splitting, and encoding "
    "the texts, which is done once for all, are not. Runs beside each other, or beside other work, take longer."
)


def section(data: ReportData) -> Section | None:
    """Return the section; None where nothing was measured."""
    points = points_of(data)
    shown = [method for method in models_of(data) if data.mean(method, METRIC)]
    if not shown:
        return None
    machine = f" On {data.header.machine}." if data.header.machine else ""
    introduction = (
        f"How good each model is ({METRIC}@{data.k}, standard) beside how long it takes to have it. {_SECONDS}{machine}"
    )
    blocks: list[Block] = [Paragraph(introduction)]
    blocks += [quality_panel(list(points.values()), f"{METRIC}@{data.k}")] if points else []
    blocks.append(_table(data, shown, points))
    return Section("quality", "Quality against seconds", "Quality and time", blocks)


def models_of(data: ReportData) -> list[Method]:
    """Return all that can be chosen: trained methods of every size, and baselines, with all training data."""
    return [method for method in data.methods if method.kind != "control" and not method.sparsity]


def labels_of(data: ReportData) -> dict[Method, str]:
    """Return short names that tell the models apart; of the main setting they are those of all other sections."""
    models = models_of(data)
    return {method: data.labels.get(method, label) for method, label in distinct_labels(models).items()}


def points_of(data: ReportData) -> dict[Method, Point]:
    """Return each model as a point, without those whose quality or time was not measured."""
    labels = labels_of(data)
    points = {}
    for method, label in labels.items():
        quality, seconds = data.mean(method, METRIC), seconds_of(data, method)
        if quality and seconds is not None:
            series = BASELINES if method.kind == "baseline" else data.series(method)
            style = style_of(data, method)
            points[method] = Point(label, max(seconds, _MIN_SECONDS), quality, method.model, series, style)
    return points


def seconds_of(data: ReportData, method: Method) -> float | None:
    """Return how long a method took to train or fit, the median over seeds; None where it is unknown."""
    return data.median(method, lambda cell: cell.seconds.get("fit"))


def _table(data: ReportData, methods: list[Method], points: Mapping[Method, Point]) -> Table:
    front = {point.name for point in pareto_front(list(points.values()))}
    labels = labels_of(data)
    on_front = {method: points[method].name in front if method in points else None for method in methods}
    rows = [_row(data, method, labels[method], on_front[method]) for method in methods]
    rows.sort(key=lambda row: -float(row.cells[1].value or 0.0))
    columns = [
        Column("Method"),
        Column(f"{METRIC}@{data.k}", numeric=True),
        Column("seconds", numeric=True),
        Column("On the front"),
    ]
    caption = (
        "On the front: no other model has a higher mean in as little time. Small differences of means are chance; what "
        "was shown is said above."
    )
    return Table("quality-table", caption, columns, rows, sorted_by=(1, "descending"), tall=len(rows) > _MAX_ROWS)


def _row(data: ReportData, method: Method, label: str, on_front: bool | None) -> TableRow:
    mean, seconds = data.mean(method, METRIC), seconds_of(data, method)
    words = "–" if on_front is None else "yes" if on_front else "no"
    cells = [
        TableCell(label, label),
        TableCell(decimals(mean.mean), mean.mean, interval(mean)) if mean else TableCell("–", None),
        TableCell(duration(seconds), seconds),
        TableCell(words, words if on_front is not None else None),
    ]
    return TableRow(cells, method.model, method.kind)
