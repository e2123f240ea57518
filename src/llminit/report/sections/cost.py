"""What each method costs: parameters, seconds and memory."""

from llminit.report.html import Row, Section, Shown, Table
from llminit.report.loaded import Loaded
from llminit.report.numbers import count, decimals, duration, megabytes
from llminit.results import Method


def section(loaded: Loaded) -> Section | None:
    """Return the section; None without results."""
    if not loaded.main:
        return None
    machine = f" On {loaded.header.machine}." if loaded.header.machine else ""
    caption = (
        "Medians over seeds. Fitting includes validation and the search over a baseline's options; several cells may "
        f"have run beside each other, or beside other work, so times are rough.{machine}"
    )
    columns = ["Method", "#parameters", "#best epoch", "#fit", "#evaluate", "#peak memory"]
    body = Table("cost-table", caption, columns, [_row(loaded, each) for each in loaded.main]).html()
    return Section("cost", "Cost", "Cost", body)


def _row(loaded: Loaded, method: Method) -> Row:
    parameters = loaded.median(method, lambda cell: cell.n_parameters)
    epoch = loaded.median(method, lambda cell: cell.best_epoch)
    fit = loaded.median(method, lambda cell: cell.seconds.get("fit"))
    evaluate = loaded.median(method, lambda cell: cell.seconds.get("evaluate"))
    memory = loaded.median(method, lambda cell: cell.peak_memory_bytes)
    label = loaded.labels[method]
    cells = [
        Shown(label, label),
        Shown(count(parameters), parameters),
        Shown(decimals(epoch, 0), epoch),
        Shown(duration(fit), fit),
        Shown(duration(evaluate), evaluate),
        Shown(megabytes(memory), memory),
    ]
    return Row(cells, method.model, method.kind)
