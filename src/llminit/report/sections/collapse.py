"""Embedding collapse: spectra, effective rank, and quality against the embedding size."""

from collections.abc import Mapping
from typing import Any

from llminit.report.content import Block, Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel, Trace
from llminit.report.numbers import Mean, decimals
from llminit.report.plots import error_bars, line_trace, panel
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from llminit.results import Cell, Method

_STATES = {"initial": "before training", "final": "after training"}
_MEASURES = {
    "effective_rank": ("effective rank", 1),
    "information_abundance": ("information abundance", 2),
    "alignment": ("alignment", 3),
    "uniformity": ("uniformity", 3),
}
# Singular values below this share of the largest are rounding errors.
_SMALLEST_SHARE = 1e-7


def section(data: ReportData) -> Section | None:
    """Return the section; None where neither spectra nor several embedding sizes were measured."""
    measured: list[Block] = [*_spectra(data), *_table(data), *_sweeps(data)]
    if not measured:
        return None
    introduction = Paragraph(
        "Embeddings collapse when a few directions carry nearly all of them: more dimensions then bring nothing, or "
        "harm. A flat spectrum and a high effective rank use the space that they have."
    )
    return Section("collapse", "Do the embeddings collapse?", "Collapse", [introduction, *_anisotropy(data), *measured])


def spectrum(cell: Cell, state: str) -> list[float]:
    """Return the singular values of a cell's item embeddings, divided by the largest; empty where not measured."""
    values = ((cell.collapse or {}).get(state) or {}).get("singular_values") or []
    return [value / values[0] for value in values] if values and values[0] > 0 else []


def recall_by_size(data: ReportData, method: Method) -> dict[int, Mean]:
    """Return a method's recall under the standard protocol at each embedding size, all else equal."""
    means = {}
    for other in data.methods:
        size = other.embedding_size
        is_alike = size and other.model_copy(update={"embedding_size": method.embedding_size}) == method
        if size and is_alike and (mean := data.mean(other, "recall")):
            means[size] = mean
    return dict(sorted(means.items()))


def _anisotropy(data: ReportData) -> list[Paragraph]:
    """Describe the anisotropy of each encoder's text embeddings."""
    return [
        Paragraph(
            f"Text embeddings {name} as they come: two items have a mean cosine of {anisotropy['mean_cosine']:.2f}, "
            f"{anisotropy['mean_share']:.0%} of their squared length lies in what all have in common, and "
            f"{anisotropy['top_share']:.0%} of the rest along one direction."
        )
        for name, encoder in data.header.encoders.items()
        if (anisotropy := encoder.get("anisotropy"))
    ]


def _spectra(data: ReportData) -> list[Panel]:
    panels = []
    for index, backbone in enumerate(data.backbones):
        figures = [_spectra_figure(data, backbone, state, f"spectra-{index}-{state}") for state in _STATES]
        drawn = [figure for figure in figures if figure.traces]
        panels += [panel(f"{backbone}: singular values", drawn, data.styles)] if drawn else []
    return panels


def _spectra_figure(data: ReportData, backbone: str, state: str, anchor: str) -> Figure:
    lines = [_spectrum_line(data, method, state) for method in data.trained(backbone)]
    layout = {
        "xaxis": {"title": {"text": "direction, strongest first"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "share of the largest"}, "type": "log", "tickformat": "~g", "dtick": 1},
    }
    caption = (
        f"Item embeddings {_STATES[state]}: each singular value as a share of the largest. A steep fall is collapse."
    )
    return Figure(anchor, [line for line in lines if line["y"]], layout, caption)


def _spectrum_line(data: ReportData, method: Method, state: str) -> Trace:
    # One seed: spectra hardly differ between seeds, and a mean of spectra is not a spectrum.
    shares = next((shares for cell in data.cells_of(method) if (shares := spectrum(cell, state))), [])
    drawn = [share for share in shares if share > _SMALLEST_SHARE]
    name = data.series(method)
    style = data.styles[name]
    return line_trace(
        name,
        list(range(1, len(drawn) + 1)),
        drawn,
        style,
        mode="lines+markers",
        # A few markers, enough to distinguish lines without colour.
        marker={"color": style.colour, "symbol": style.symbol, "size": 8, "maxdisplayed": 6},
        hovertemplate="%{fullData.name}<br>direction %{x}: %{y:.4~g}<extra></extra>",
    )


def _table(data: ReportData) -> list[Table]:
    rows = [_row(data, method) for method in data.main if any(cell.collapse for cell in data.cells_of(method))]
    if not rows:
        return []
    caption = (
        "Item embeddings before and after training, means over seeds. Effective rank (Roy and Vetterli 2007) counts "
        "the directions that are used. Alignment (lower: users are nearer to their items) and uniformity (lower: more "
        "evenly spread) are Wang and Isola's (2020)."
    )
    groups = [ColumnGroup("", 1), *(ColumnGroup(title, len(_STATES)) for title, _ in _MEASURES.values())]
    columns = [Column("Method"), *(Column(state, numeric=True) for _ in _MEASURES for state in _STATES)]
    return [Table("collapse-table", caption, columns, rows, groups)]


def _row(data: ReportData, method: Method) -> TableRow:
    label = data.labels[method]
    cells = [TableCell(label, label)]
    for measure, (_, digits) in _MEASURES.items():
        for state in _STATES:
            value = _mean_measure(data, method, state, measure)
            cells.append(TableCell(decimals(value, digits), value))
    return TableRow(cells, method.model, method.kind)


def _mean_measure(data: ReportData, method: Method, state: str, measure: str) -> float | None:
    def of_cell(cell: Cell) -> float | None:
        value = ((cell.collapse or {}).get(state) or {}).get(measure)
        return None if value is None else float(value)

    return data.average(method, of_cell)


def _sweeps(data: ReportData) -> list[Block]:
    figures = [figure for backbone in data.backbones if (figure := _sweep(data, backbone))]
    if not figures:
        return []
    note = f"Recall@{data.k} (standard) against the embedding size. A line that falls to the right has collapsed."
    return [panel("More dimensions", figures, data.styles), Paragraph(note, "note")]


def _sweep(data: ReportData, backbone: str) -> Figure | None:
    sweeps = {method: recall_by_size(data, method) for method in data.trained(backbone)}
    sweeps = {method: means for method, means in sweeps.items() if len(means) > 1}
    if not sweeps:
        return None
    ticks = sorted({size for means in sweeps.values() for size in means})
    layout: dict[str, Any] = {
        "xaxis": {
            "title": {"text": "embedding size"},
            "type": "log",
            "tickvals": ticks,
            "ticktext": [*map(str, ticks)],
        },
        "yaxis": {"title": {"text": f"recall@{data.k}"}},
    }
    lines = [_sweep_line(data, method, means) for method, means in sweeps.items()]
    return Figure(f"sweep-{data.backbones.index(backbone)}", lines, layout, f"{backbone}: recall by embedding size.")


def _sweep_line(data: ReportData, method: Method, means: Mapping[int, Mean]) -> Trace:
    name = data.series(method)
    style = data.styles[name]
    return line_trace(
        name,
        list(means),
        [mean.mean for mean in means.values()],
        style,
        mode="lines+markers",
        error_y=error_bars([*means.values()]) | {"color": f"{style.colour}/45", "thickness": 1},
        hovertemplate="%{fullData.name}, %{x} dimensions<br>%{y:.4f}<extra></extra>",
    )
