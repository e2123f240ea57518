"""Quality against embedding size: does more room help, or do the embeddings collapse?"""

from llminit.report.data import ReportData
from llminit.report.numbers import Mean
from llminit.report.sections.collapse import recall_by_size
from llminit.report.sizes_svg import SizeLine, draw_sizes
from llminit.report.styles import COLOURS, SYMBOLS, Style
from llminit.report.svg import Scheme
from llminit.results import Method
from results_page.markdown import count, percent, picture, share, table
from results_page.sources import DataSet, Plan

# Lines of one backbone have one pattern.
_DASHES = ("solid", "dash", "dashdot", "longdash")


def section(data_sets: list[DataSet], plan: Plan) -> list[str]:
    """Return the lines of the section; none where no sizes are planned."""
    lines: list[str] = []
    for ending, further in plan.further.items():
        shown = [data for data in data_sets if ending in data.further] if further.shows == "sizes" else []
        for data in shown:
            loaded = data.further[ending].loaded
            alt = f"recall@{loaded.k} against embedding size on {data.short}"
            lines += [f"## {further.title}: {data.short}", "", further.text, "", sentence(loaded), ""]
            lines += [*picture(f"{data.name}-sizes", alt), *_table(loaded)]
    return lines


def sentence(loaded: ReportData) -> str:
    """Say of each method whether the most dimensions are its best, seed by seed."""
    words = [f"{loaded.labels[method]} {_course(loaded, method)}" for method in _methods(loaded)]
    n_seeds = count(len({cell.key.seed for cell in loaded.cells}), "seed")
    return f"recall@{loaded.k} (`standard`), {n_seeds}, so no test was made: {'; '.join(words)}."


def drawn(data: DataSet, plan: Plan, scheme: Scheme) -> str:
    """Return the picture as SVG text; empty where there is nothing to draw."""
    for ending, beside in data.further.items():
        if plan.further[ending].shows == "sizes":
            return draw_sizes(_lines(beside.loaded), f"recall@{beside.loaded.k}", scheme)
    return ""


def _methods(loaded: ReportData) -> list[Method]:
    """Return the methods of several sizes, each at that of the main setting."""
    methods = [method for backbone in loaded.backbones for method in loaded.trained(backbone)]
    return [method for method in methods if len(recall_by_size(loaded, method)) > 1]


def _course(loaded: ReportData, method: Method) -> str:
    means = recall_by_size(loaded, method)
    last = max(means)
    best = max(means, key=lambda size: means[size].mean)
    if best == last:
        first = min(means)
        return f"rises to the end, from {share(means[first].mean)} at {first} to {share(means[last].mean)} at {last}"
    change = percent(means[last].mean / means[best].mean - 1)
    lower = sum(last_value < best_value for last_value, best_value in _pairs(loaded, method, last, best))
    n_seeds = means[last].n
    at_best, at_last = share(means[best].mean), share(means[last].mean)
    return (
        f"is best at {best} with {at_best}, and at {last} has {at_last} ({change} %, lower in {lower} of "
        f"{count(n_seeds, 'seed')})"
    )


def _pairs(loaded: ReportData, method: Method, *sizes: int) -> list[tuple[float, ...]]:
    """Return recall at some sizes for each seed that has all of them."""
    by_size = [_by_seed(loaded, method, size) for size in sizes]
    shared = set.intersection(*(set(by_seed) for by_seed in by_size))
    return [tuple(by_seed[seed] for by_seed in by_size) for seed in sorted(shared)]


def _by_seed(loaded: ReportData, method: Method, size: int) -> dict[int, float]:
    return loaded.by_seed("recall").get(method.model_copy(update={"embedding_size": size}), {})


def _lines(loaded: ReportData) -> list[SizeLine]:
    lines = []
    for index, method in enumerate(_methods(loaded)):
        dash = _DASHES[loaded.backbones.index(method.model) % len(_DASHES)]
        style = Style(COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)], dash)
        means = {size: _range(loaded, method, size) for size in recall_by_size(loaded, method)}
        lines.append(SizeLine(loaded.labels[method], means, style))
    return lines


def _range(loaded: ReportData, method: Method, size: int) -> Mean:
    """Return the mean with the lowest and the highest seed: of two seeds Student's interval is too long to be drawn."""
    values = list(_by_seed(loaded, method, size).values())
    return Mean(sum(values) / len(values), min(values), max(values), len(values))


def _table(loaded: ReportData) -> list[str]:
    by_method = {method: recall_by_size(loaded, method) for method in _methods(loaded)}
    sizes = sorted({size for means in by_method.values() for size in means})
    rows = [
        [loaded.labels[method], *(share(means[size].mean if size in means else None) for size in sizes)]
        for method, means in by_method.items()
    ]
    return table(["embedding size", *map(str, sizes)], rows)


def in_short(data_sets: list[DataSet], plan: Plan) -> list[str]:
    """Return a conclusion for each data set whose sizes were compared."""
    return [
        f"**{plan.further[ending].title}, {data.short}:** {sentence(beside.loaded)}"
        for data in data_sets
        for ending, beside in data.further.items()
        if plan.further[ending].shows == "sizes"
    ]
