"""The result table, and every method as a dot with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llminit.report.content import Block, Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.numbers import Mean, decimals, interval
from llminit.report.sections.comparisons import gains_by_method
from llminit.report.sections.dots import BASELINES, methods_by_recall, recall_by_method
from llminit.report.styles import REFERENCE
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from llminit.results import Method, distinct_labels
from llminit.results.key import FULL

_METRICS = ("recall", "ndcg")
_SEVERAL_SEEDS = (
    "Means over seeds, each with its 95 % interval (Student's t). A seed is a split of the data and a training run, "
    "and all methods share it: the paired comparisons below see smaller differences than these intervals."
)
_ONE_SEED = "One seed: a single split of the data and a single training run."
_OTHER_SETTINGS = "The same for other embedding sizes and for training on less; what they show is drawn further down."
_MAX_ROWS = 20


def section(data: ReportData) -> Section | None:
    """Return the section; None without results."""
    if not data.main:
        return None
    blocks: list[Block] = [Paragraph(_introduction(data)), _main_table(data), recall_by_method(data)]
    blocks += [figure] if (figure := gains_by_method(data)) else []
    blocks += [table] if (table := _other_settings(data)) else []
    return Section("results", "Results", "Results", blocks)


def _introduction(data: ReportData) -> str:
    main = next((method for method in data.main if method.kind == "backbone"), data.main[0])
    size = f"Embeddings of {main.embedding_size} dimensions" if main.embedding_size else ""
    if size and any(method.selector == FULL for method in data.main):
        size += "; full ones are as wide as their text"
        is_alone = any(method.selector == FULL and not data.reference(method) for method in data.main)
        size += f", and no {REFERENCE} of that width was run beside them" if is_alone else ""
    size += ". " if size else ""
    return (
        f"{size}Standard: items that the user has already are removed from the ranking, as a shop would. Paper: they "
        "stay in, as in the published tables; those numbers are lower and not comparable with the standard ones."
    )


def _main_table(data: ReportData) -> Table:
    groups = [*data.backbones, *(_group(method) for method in data.main if method.kind == "baseline")]
    has_several = any(len(data.cells_of(method)) > 1 for method in data.main)
    caption = _SEVERAL_SEEDS if has_several else _ONE_SEED
    table = _table(data, "results-table", caption, methods_by_recall(data), data.labels)
    return replace(table, sorted_by=(1, "descending"), filters=list(dict.fromkeys(groups)))


def _other_settings(data: ReportData) -> Table | None:
    """Return the table of all other settings: other sizes, and less training data."""
    methods = [method for method in data.methods if method not in data.main]
    if not methods:
        return None
    table = _table(data, "other-settings-table", _OTHER_SETTINGS, methods, distinct_labels(data.methods))
    return replace(table, tall=len(methods) > _MAX_ROWS)


def _table(
    data: ReportData, anchor: str, caption: str, methods: Sequence[Method], labels: Mapping[Method, str]
) -> Table:
    metrics = [Column(f"{metric}@{data.k}", numeric=True) for _ in data.protocols for metric in _METRICS]
    columns = [Column("Method"), *metrics, Column("seeds", numeric=True)]
    protocols = [ColumnGroup(protocol, len(_METRICS)) for protocol in data.protocols]
    rows = [_row(data, method, labels[method]) for method in methods]
    return Table(anchor, caption, columns, rows, [ColumnGroup("", 1), *protocols, ColumnGroup("", 1)])


def _row(data: ReportData, method: Method, label: str) -> TableRow:
    means = [data.mean(method, metric, protocol) for protocol in data.protocols for metric in _METRICS]
    n_seeds = len(data.cells_of(method))
    cells = [TableCell(label, label), *(_mean_cell(mean) for mean in means), TableCell(str(n_seeds), n_seeds)]
    return TableRow(cells, _group(method), method.kind)


def _mean_cell(mean: Mean | None) -> TableCell:
    return TableCell("–", None) if mean is None else TableCell(decimals(mean.mean), mean.mean, interval(mean))


def _group(method: Method) -> str:
    return BASELINES if method.kind == "baseline" else method.model
