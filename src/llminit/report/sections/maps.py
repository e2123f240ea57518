"""A map of the items in the text space and after training."""

import numpy as np
import polars as pl

from llminit.report.content import Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.figures import Figure, SideBySide, Trace
from llminit.report.plots import plot_text, rounded
from llminit.results import Cell

MAX_ITEMS = 1500
MAX_TITLE_LENGTH = 90
_SPACES = {"text": "Text space: similar texts are near.", "trained": "After training: the same items, same colours."}


def section(data: ReportData) -> Section | None:
    """Return the section; None where no cell has a map."""
    cell = _mapped_cell(data)
    if cell is None:
        return None
    items = data.maps[cell.key.name]
    drawn = _sample(items)
    introduction = (
        f"Items of {data.labels.get(cell.key.method, cell.key.method.label)}, seed {cell.key.seed}, in the plane of "
        "the two directions in which they differ most. Colour is the place from left to right in text space: where "
        "colours mix after training, interactions have overruled the text. Point at an item for its title."
    )
    if len(items) > len(drawn):
        introduction += f" {len(drawn):,} of {len(items):,} items, drawn at random, are shown."
    figures = [_figure(drawn, space) for space in _SPACES]
    return Section("map", "A map of the items", "Map", [Paragraph(introduction), SideBySide(figures)])


def _mapped_cell(data: ReportData) -> Cell | None:
    """Return the first cell with a map of the best method that has one."""
    mapped = [cell for cell in data.cells if cell.key.name in data.maps and cell.key.kind == "backbone"]
    best = data.best(dict.fromkeys(cell.key.method for cell in mapped))
    return min((cell for cell in mapped if cell.key.method == best), key=lambda cell: cell.key.seed, default=None)


def _sample(items: pl.DataFrame) -> pl.DataFrame:
    return items if len(items) <= MAX_ITEMS else items.sample(MAX_ITEMS, seed=0).sort("item")


def _figure(items: pl.DataFrame, space: str) -> Figure:
    bare = {"showticklabels": False, "zeroline": False, "showgrid": False, "showline": False, "title": {"text": ""}}
    layout = {"height": 400, "xaxis": bare, "yaxis": bare, "plot_bgcolor": "--wash"}
    return Figure(f"map-{space}", [_dots(items, space)], layout, _SPACES[space], hover_group="map")


def _dots(items: pl.DataFrame, space: str) -> Trace:
    popularity = items["popularity"].to_numpy()
    # By rank, so that a few outliers do not take up most of the colour scale.
    order = items["x_text"].rank("average").to_numpy() / max(1, len(items))
    sizes = 4 + 8 * np.sqrt(popularity / max(1, popularity.max(initial=0)))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": space,
        "x": [rounded(value) for value in items[f"x_{space}"]],
        "y": [rounded(value) for value in items[f"y_{space}"]],
        "text": [plot_text(_shortened(title)) for title in items["title"]],
        "customdata": items["popularity"].to_list(),
        "marker": {
            "size": [round(float(size), 1) for size in sizes],
            "color": [round(float(value), 3) for value in order],
            "colorscale": "Cividis",
            "opacity": 0.75,
            "line": {"width": 0.5, "color": "--soft"},
        },
        "hovertemplate": "%{text}<br>training interactions: %{customdata}<extra></extra>",
    }


def _shortened(title: str | None) -> str:
    text = title or "(no title)"
    return text if len(text) <= MAX_TITLE_LENGTH else text[: MAX_TITLE_LENGTH - 1] + "…"
