"""Embedding collapse: spectra, effective rank, and quality against the embedding size."""

from collections.abc import Sequence
from typing import Any

from llminit.report.html import Row, Section, Shown, Table, paragraph
from llminit.report.loaded import Loaded
from llminit.report.numbers import Mean, decimals
from llminit.report.plots import Figure, Trace, line, margins, panel
from llminit.results import Cell, Method

_STATES = ("initial", "final")
_MEASURES = {
    "effective_rank": ("effective rank", 1),
    "information_abundance": ("information abundance", 2),
    "alignment": ("alignment", 3),
    "uniformity": ("uniformity", 3),
}


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where neither spectra nor several embedding sizes were measured."""
    parts = [_spectra(loaded), _table(loaded), _sweeps(loaded)]
    if not any(parts):
        return None
    parts.insert(0, _encoders(loaded))
    text = (
        "Embeddings collapse when a few directions carry nearly all of them: more dimensions then bring nothing, or "
        "harm. A flat spectrum and a high effective rank use the space that they have."
    )
    return Section("collapse", "Do the embeddings collapse?", "Collapse", paragraph(text) + "".join(parts))


def spectrum(cell: Cell, state: str) -> list[float]:
    """Return the singular values of a cell's item embeddings, divided by the largest; empty where not measured."""
    values = ((cell.collapse or {}).get(state) or {}).get("singular_values") or []
    return [value / values[0] for value in values] if values and values[0] > 0 else []


def quality_by_size(loaded: Loaded, method: Method) -> dict[int, Mean]:
    """Return a method's recall under the standard protocol at each embedding size, all else equal."""
    found = {}
    for each in loaded.methods:
        alike = each.embedding_size and each.model_copy(update={"embedding_size": method.embedding_size}) == method
        if alike and (mean := loaded.mean(each, "recall")):
            found[each.embedding_size] = mean
    return dict(sorted(found.items()))  # type: ignore[arg-type]


def _encoders(loaded: Loaded) -> str:
    """Say how far each encoder's embeddings point the same way."""
    measured = {label: each["anisotropy"] for label, each in loaded.header.encoders.items() if each.get("anisotropy")}
    sentences = [
        f"Text embeddings {label} as they come: two items have a mean cosine of {found['mean_cosine']:.2f}, "
        f"{found['mean_share']:.0%} of their squared length lies in what all have in common, and "
        f"{found['top_share']:.0%} of the rest along one direction."
        for label, found in measured.items()
    ]
    return "".join(map(paragraph, sentences))


def _spectra(loaded: Loaded) -> str:
    parts = []
    for backbone in loaded.backbones:
        place = f"spectra-{loaded.backbones.index(backbone)}"
        figures = [_spectra_figure(loaded, backbone, state, f"{place}-{state}") for state in _STATES]
        shown = [figure for figure in figures if figure.data]
        parts += [panel(f"{backbone}: singular values", shown, loaded.styles)] if shown else []
    return "".join(parts)


def _spectra_figure(loaded: Loaded, backbone: str, state: str, name: str) -> Figure:
    lines = [_spectrum_line(loaded, each, state) for each in loaded.trained(backbone)]
    layout = {
        "xaxis": {"title": {"text": "direction, strongest first"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "share of the largest"}, "type": "log", "tickformat": "~g", "dtick": 1},
    }
    when = {"initial": "before training", "final": "after training"}[state]
    says = f"Item embeddings {when}: each singular value as a share of the largest. A steep fall is collapse."
    return Figure(name, [each for each in lines if each["y"]], layout, says)


def _spectrum_line(loaded: Loaded, method: Method, state: str) -> Trace:
    # One seed: spectra hardly differ between seeds, and a mean of spectra is the spectrum of nothing.
    values = next((found for cell in loaded.cells_of(method) if (found := spectrum(cell, state))), [])
    kept = [value for value in values if value > 1e-7]
    name = loaded.series(method)
    hover = "%{fullData.name}<br>direction %{x}: %{y:.4~g}<extra></extra>"
    # A few markers, enough to tell lines apart without colour.
    style = loaded.styles[name]
    marker = {"color": style.colour, "symbol": style.symbol, "size": 8, "maxdisplayed": 6}
    return line(
        name, list(range(1, len(kept) + 1)), kept, style, mode="lines+markers", marker=marker, hovertemplate=hover
    )


def _table(loaded: Loaded) -> str:
    rows = [_row(loaded, each) for each in loaded.main if any(cell.collapse for cell in loaded.cells_of(each))]
    if not rows:
        return ""
    titles = [f"#{title}" for title, _ in _MEASURES.values()]
    caption = (
        "Item embeddings before and after training, means over seeds. Effective rank (Roy and Vetterli 2007) counts "
        "the directions that are used. Alignment (lower: users are nearer to their items) and uniformity (lower: more "
        "evenly spread) are Wang and Isola's (2020)."
    )
    over = [("", 1), *((f"{title}", 2) for title, _ in _MEASURES.values())]
    columns = ["Method", *(f"#{state}" for _ in titles for state in _STATES)]
    return Table("collapse-table", caption, columns, rows, over).html()


def _row(loaded: Loaded, method: Method) -> Row:
    label = loaded.labels[method]
    cells = [Shown(label, label)]
    for measure, (_, digits) in _MEASURES.items():
        for state in _STATES:
            value = loaded.average(method, lambda cell, s=state, m=measure: _measured(cell, s, m))  # type: ignore[misc]
            cells.append(Shown(decimals(value, digits), value))
    return Row(cells, method.model, method.kind)


def _measured(cell: Cell, state: str, measure: str) -> float | None:
    value = ((cell.collapse or {}).get(state) or {}).get(measure)
    return None if value is None else float(value)


def _sweeps(loaded: Loaded) -> str:
    figures = [figure for backbone in loaded.backbones if (figure := _sweep(loaded, backbone))]
    if not figures:
        return ""
    text = f"Recall@{loaded.k} (standard) against the embedding size. A line that falls to the right has collapsed."
    return panel("More dimensions", figures, loaded.styles) + paragraph(text, "note")


def _sweep(loaded: Loaded, backbone: str) -> Figure | None:
    sizes = {each: quality_by_size(loaded, each) for each in loaded.trained(backbone)}
    sizes = {each: found for each, found in sizes.items() if len(found) > 1}
    if not sizes:
        return None
    ticks = sorted({size for found in sizes.values() for size in found})
    layout: dict[str, Any] = {
        "xaxis": {
            "title": {"text": "embedding size"},
            "type": "log",
            "tickvals": ticks,
            "ticktext": [*map(str, ticks)],
        },
        "yaxis": {"title": {"text": f"recall@{loaded.k}"}},
    }
    lines = [_sweep_line(loaded, each, list(found), list(found.values())) for each, found in sizes.items()]
    return Figure(f"sweep-{loaded.backbones.index(backbone)}", lines, layout, f"{backbone}: recall by embedding size.")


def _sweep_line(loaded: Loaded, method: Method, sizes: Sequence[int], means: Sequence[Mean]) -> Trace:
    name = loaded.series(method)
    style = loaded.styles[name]
    bars = margins([mean.low for mean in means], [mean.mean for mean in means], [mean.high for mean in means])
    hover = "%{fullData.name}, %{x} dimensions<br>%{y:.4f}<extra></extra>"
    return line(
        name,
        list(sizes),
        [mean.mean for mean in means],
        style,
        mode="lines+markers",
        error_y=bars | {"color": f"{style.colour}/45", "thickness": 1},
        hovertemplate=hover,
    )
