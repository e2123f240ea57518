"""What each method costs: parameters, seconds and memory."""

from llminit.report.content import Section
from llminit.report.data import ReportData
from llminit.report.numbers import count, decimals, duration, megabytes
from llminit.report.tables import Column, Table, TableCell, TableRow
from llminit.results import Method

_NUMBERS = ("parameters", "best epoch", "fit", "evaluate", "peak memory")


def section(data: ReportData) -> Section | None:
    """Return the section; None without results."""
    if not data.main:
        return None
    machine = f" On {data.header.machine}." if data.header.machine else ""
    caption = (
        "Medians over seeds. Fitting includes validation and the search over a baseline's options; several cells may "
        f"have run beside each other, or beside other work, so times are rough.{machine}"
    )
    columns = [Column("Method"), *(Column(title, numeric=True) for title in _NUMBERS)]
    rows = [_row(data, method) for method in data.main]
    return Section("cost", "Cost", "Cost", [Table("cost-table", caption, columns, rows)])


def _row(data: ReportData, method: Method) -> TableRow:
    parameters = data.median(method, lambda cell: cell.n_parameters)
    epoch = data.median(method, lambda cell: cell.best_epoch)
    fit = data.median(method, lambda cell: cell.seconds.get("fit"))
    evaluate = data.median(method, lambda cell: cell.seconds.get("evaluate"))
    memory = data.median(method, lambda cell: cell.peak_memory_bytes)
    label = data.labels[method]
    cells = [
        TableCell(label, label),
        TableCell(count(parameters), parameters),
        TableCell(decimals(epoch, 0), epoch),
        TableCell(duration(fit), fit),
        TableCell(duration(evaluate), evaluate),
        TableCell(megabytes(memory), memory),
    ]
    return TableRow(cells, method.model, method.kind)
