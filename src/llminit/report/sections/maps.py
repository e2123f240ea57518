"""A map of the items: where they lie in text space, and where training has put them."""

import numpy as np
import polars as pl

from llminit.report.html import Section, paragraph, side_by_side
from llminit.report.loaded import Loaded
from llminit.report.plots import Figure, Trace, plot_text, rounded
from llminit.results import Cell

MOST_ITEMS = 1500
LONGEST_TITLE = 90
_SPACES = {"text": "Text space: similar texts are near.", "trained": "After training: the same items, same colours."}


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where no cell has a map."""
    cell = _chosen(loaded)
    if cell is None:
        return None
    items = _sample(loaded.maps[cell.key.name])
    figures = [_figure(items, space) for space in _SPACES]
    text = (
        f"Items of {loaded.labels.get(cell.key.method, cell.key.method.label)}, seed {cell.key.seed}, in the plane of "
        "the two directions in which they differ most. Colour is the place from left to right in text space: where "
        "colours mix after training, interactions have overruled the text. Point at an item for its title."
    )
    more = len(loaded.maps[cell.key.name])
    shown = f" {len(items):,} of {more:,} items, drawn at random, are shown." if more > len(items) else ""
    return Section(
        "map", "A map of the items", "Map", paragraph(text + shown) + side_by_side(f.html() for f in figures)
    )


def _chosen(loaded: Loaded) -> Cell | None:
    """Return the first cell with a map of the best method that has one."""
    drawn = [cell for cell in loaded.cells if cell.key.name in loaded.maps and cell.key.kind == "backbone"]
    best = loaded.best(dict.fromkeys(cell.key.method for cell in drawn))
    return min((cell for cell in drawn if cell.key.method == best), key=lambda cell: cell.key.seed, default=None)


def _sample(items: pl.DataFrame) -> pl.DataFrame:
    return items if len(items) <= MOST_ITEMS else items.sample(MOST_ITEMS, seed=0).sort("item")


def _figure(items: pl.DataFrame, space: str) -> Figure:
    bare = {"showticklabels": False, "zeroline": False, "showgrid": False, "showline": False, "title": {"text": ""}}
    layout = {"height": 400, "xaxis": bare, "yaxis": bare, "plot_bgcolor": "--wash"}
    return Figure(f"map-{space}", [_dots(items, space)], layout, _SPACES[space], link="map")


def _dots(items: pl.DataFrame, space: str) -> Trace:
    popularity = items["popularity"].to_numpy()
    # Places by rank, so that a few far items do not take all the colours.
    order = items["x_text"].rank("average").to_numpy() / max(1, len(items))
    sizes = 4 + 8 * np.sqrt(popularity / max(1, popularity.max(initial=0)))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": space,
        "x": [rounded(value) for value in items[f"x_{space}"]],
        "y": [rounded(value) for value in items[f"y_{space}"]],
        "text": [plot_text(_short(title)) for title in items["title"]],
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


def _short(title: str | None) -> str:
    text = title or "(no title)"
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"
