"""The result table, and every method as a dot with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from llminit.report.html import Row, Section, Shown, Table, paragraph
from llminit.report.loaded import Loaded, protocols_of
from llminit.report.numbers import Mean, decimals, interval, leaves
from llminit.report.plots import REFERENCE, Figure, Style, Trace, margins, plot_text, rounded, window
from llminit.report.sections.comparisons import gains
from llminit.results import Method, distinct_labels
from llminit.results.key import FULL

BASELINES = "baselines"
CONTROLS = "controls"
_METRICS = ("recall", "ndcg")
_OF_SEVERAL = (
    "Means over seeds, each with its 95 % interval (Student's t). A seed is a split of the data and a training run, "
    "and all methods share it: the paired comparisons below see smaller differences than these intervals."
)
_OTHERS = "The same for other embedding sizes and for training on less; what they show is drawn further down."
_MOST_ROWS = 20
_BASELINE = Style("--ink", "diamond-tall", "solid")
_CONTROL = Style("--soft", "x-thin-open", "solid")


def section(loaded: Loaded) -> Section | None:
    """Return the section; None without results."""
    if not loaded.main:
        return None
    body = paragraph(_introduction(loaded)) + _table(loaded).html() + dots(loaded).html()
    figure = gains(loaded)
    body += figure.html() if figure else ""
    others = _others(loaded)
    body += others.html() if others else ""
    return Section("results", "Results", "Results", body)


def dots(loaded: Loaded) -> Figure:
    """Draw each method's recall under the standard protocol, with its interval and the best baseline as a line."""
    shown = [(each, mean) for each in _ranked(loaded) if (mean := loaded.mean(each, "recall")) is not None]
    shown.reverse()  # Plotly counts upwards.
    groups: dict[str, list[tuple[int, Method, Mean]]] = {}
    for place, (method, mean) in enumerate(shown):
        groups.setdefault(_series(method), []).append((place, method, mean))
    labels = [plot_text(loaded.labels[method]) for method, _ in shown]
    best = loaded.best(each for each in loaded.main if each.kind == "baseline")
    near = _near([mean for _, mean in shown])
    seen = window([mean.low for mean in near], [mean.mean for mean in near], [mean.high for mean in near])
    if best and loaded.mean(best, "recall") not in near:
        best = None
    layout = {
        "height": 90 + 27 * len(shown),
        "xaxis": {"title": {"text": f"recall@{loaded.k}, standard"}, "range": seen},
        "yaxis": {"tickvals": list(range(len(shown))), "ticktext": labels, "range": [-0.7, len(shown) - 0.3]},
        "shapes": [_mark(loaded, best)] if best else [],
        "annotations": [_arrow(place, mean) for place, (_, mean) in enumerate(shown) if mean not in near],
    }
    says = _says(loaded, best) + (" An arrow: the mean is further left." if layout["annotations"] else "")
    says += " Lines that reach the edge are longer." if any(leaves(mean, seen) for mean in near) else ""
    return Figure("dots", [_dots(loaded, each) for each in groups.values()], layout, says)


def _near(means: Sequence[Mean]) -> list[Mean]:
    """Keep what is not far below the others, as popularity often is: it would push all others into a corner."""
    usual = median(mean.mean for mean in means) if means else 0.0
    return [mean for mean in means if mean.mean >= usual / 2]


def _arrow(place: int, mean: Mean) -> dict[str, object]:
    where = {"xref": "paper", "x": 0, "xanchor": "left", "y": place, "showarrow": False}
    return where | {"text": f"◂ {decimals(mean.mean)}", "font": {"color": "--soft"}}


def _dots(loaded: Loaded, points: Sequence[tuple[int, Method, Mean]]) -> Trace:
    first = points[0][1]
    style = _style(loaded, first)
    means = [mean for _, _, mean in points]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plot_text(_series(first)),
        "x": [rounded(mean.mean) for mean in means],
        "y": [place for place, _, _ in points],
        "text": [plot_text(loaded.labels[method]) for _, method, _ in points],
        "customdata": [[interval(mean), mean.n] for mean in means],
        "error_x": margins([mean.low for mean in means], [mean.mean for mean in means], [mean.high for mean in means])
        | {"color": style.colour},
        "marker": {
            "color": style.colour,
            "symbol": style.symbol,
            "size": 10,
            "line": {"width": 2, "color": style.colour},
        },
        "hovertemplate": "%{text}<br>%{x:.4f} %{customdata[0]}, seeds: %{customdata[1]}<extra></extra>",
    }


def _mark(loaded: Loaded, best: Method) -> dict[str, object]:
    mean = loaded.mean(best, "recall")
    at = rounded(mean.mean if mean else None)
    dashed = {"color": "--soft", "dash": "dash", "width": 1}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": dashed, "layer": "below"}


def _says(loaded: Loaded, best: Method | None) -> str:
    several = any(len(loaded.cells_of(each)) > 1 for each in loaded.main)
    says = f"Recall@{loaded.k} with seen items removed: a dot is the mean over seeds"
    says += ", its line the 95 % interval. " if several else ". "
    if best:
        says += f"The dashed line is the strongest baseline, {loaded.labels[best]}. "
    return says + "Tall diamonds are baselines, thin crosses controls."


def _introduction(loaded: Loaded) -> str:
    main = next((each for each in loaded.main if each.kind == "backbone"), loaded.main[0])
    size = f"Embeddings of {main.embedding_size} dimensions" if main.embedding_size else ""
    if size and any(each.selector == FULL for each in loaded.main):
        size += "; full ones are as wide as their text"
        alone = any(each.selector == FULL and not loaded.reference(each) for each in loaded.main)
        size += f", and no {REFERENCE} of that width was run beside them" if alone else ""
    size += ". " if size else ""
    return (
        f"{size}Standard: items that the user has already are removed from the ranking, as a shop would. Paper: they "
        "stay in, as in the published tables; those numbers are lower and not comparable with the standard ones."
    )


def _table(loaded: Loaded) -> Table:
    groups = [*loaded.backbones, *(_group(each) for each in loaded.main if each.kind == "baseline")]
    several = any(len(loaded.cells_of(each)) > 1 for each in loaded.main)
    caption = _OF_SEVERAL if several else "One seed: a single split of the data and a single training run."
    found = _table_of(loaded, "results-table", caption, _ranked(loaded), loaded.labels)
    return replace(found, sorted_by=(1, "descending"), filters=list(dict.fromkeys(groups)))


def _others(loaded: Loaded) -> Table | None:
    """Show what is not at the main setting: other sizes, and training on less."""
    methods = [each for each in loaded.methods if each not in loaded.main]
    if not methods:
        return None
    found = _table_of(loaded, "other-settings-table", _OTHERS, methods, distinct_labels(loaded.methods))
    return replace(found, tall=len(methods) > _MOST_ROWS)


def _table_of(
    loaded: Loaded, name: str, caption: str, methods: Sequence[Method], labels: Mapping[Method, str]
) -> Table:
    protocols = protocols_of(loaded)
    columns = ["Method", *(f"#{metric}@{loaded.k}" for _ in protocols for metric in _METRICS), "#seeds"]
    rows = [_row(loaded, each, protocols, labels[each]) for each in methods]
    over = [("", 1), *((protocol, len(_METRICS)) for protocol in protocols), ("", 1)]
    return Table(name, caption, columns, rows, over)


def _row(loaded: Loaded, method: Method, protocols: Sequence[str], label: str) -> Row:
    found = [loaded.mean(method, metric, protocol) for protocol in protocols for metric in _METRICS]
    numbers = [_shown(mean) for mean in found]
    n_seeds = len(loaded.cells_of(method))
    cells = [Shown(label, label), *numbers, Shown(str(n_seeds), n_seeds)]
    return Row(cells, _group(method), method.kind)


def _shown(mean: Mean | None) -> Shown:
    return Shown("–", None) if mean is None else Shown(decimals(mean.mean), mean.mean, interval(mean))


def _ranked(loaded: Loaded) -> list[Method]:
    means = {each: loaded.mean(each, "recall") for each in loaded.main}
    return sorted(loaded.main, key=lambda each: -(means[each].mean if means[each] else -1.0))  # type: ignore[union-attr]


def _group(method: Method) -> str:
    return BASELINES if method.kind == "baseline" else method.model


def _series(method: Method) -> str:
    return {"baseline": BASELINES, "control": CONTROLS}.get(method.kind, str((method.init, method.encoder)))


def _style(loaded: Loaded, method: Method) -> Style:
    if method.kind != "backbone":
        return _BASELINE if method.kind == "baseline" else _CONTROL
    return loaded.styles.get(loaded.series(method), loaded.styles[REFERENCE])
