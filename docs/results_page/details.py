"""Beyond one number: where text helps, collapse, what lists are like, and cost."""

from collections.abc import Callable
from statistics import mean, median

from llminit.evaluation.groups import COUNT_BINS
from llminit.results import Cell, Method
from results_page.markdown import DASH, number, percent, share, table
from results_page.sources import XAVIER, DataSet, baselines_in, labels_in, trained_in

_BINS = ("0", *COUNT_BINS)
_ASPECTS = {"user_degree": "user", "item_popularity": "item"}
_MIN_HITS = 30
_MEASURES = {"coverage": 3, "gini": 3, "novelty": 2, "popularity_bias": 2, "diversity": 3}


_GROUPS = (
    "Gain in recall over xavier in percent, and in brackets xavier's recall, by how many training interactions the "
    "user or the item of a test interaction has (recall@{k}, `standard`; each backbone's best text start). No test was "
    "made for single groups: read the rows as curves. Where xavier has fewer than {hits} hits, a percentage of them "
    "says nothing and none is given."
)
_COLLAPSE = (
    "Effective rank of the item embeddings (how many directions they really use, of {size}), before training and after "
    "it; {names}. It describes; it does not show a cause."
)
_BEYOND = (
    "Lists of {k}, `standard`, means over seeds; {names}. Coverage: share of the catalogue that anybody is shown. "
    "Gini: 0 if all items are shown equally often, 1 if one is. Novelty: bits of surprise. Popularity bias: 1 is as "
    "popular as what users already have. Diversity: distance of a list's items in text space."
)
_COST = (
    "Medians over all runs of a model; {names}. Fitting includes validation and the choice of a baseline's options; "
    "runs shared the machine with each other and with other work, so times are rough. {machine}"
)


def section(data_sets: list[DataSet]) -> list[str]:
    """Return the lines of all four sections."""
    said = {
        "k": data_sets[0].loaded.k,
        "hits": _MIN_HITS,
        "names": " / ".join(data.short for data in data_sets),
        "size": _sizes(data_sets),
        "machine": _machines(data_sets),
    }
    parts = {
        "Where it helps": (_GROUPS, _groups),
        "Collapse": (_COLLAPSE, _collapse),
        "Beyond accuracy": (_BEYOND, _beyond),
        "Cost": (_COST, _cost),
    }
    return [
        line
        for title, (text, body) in parts.items()
        for line in (f"## {title}", "", text.format(**said).rstrip(), "", *body(data_sets))
    ]


def _groups(data_sets: list[DataSet]) -> list[str]:
    columns = [(aspect, edge) for aspect in _ASPECTS for edge in _BINS]
    found = []
    for data in data_sets:
        for backbone in data.loaded.backbones:
            if method := data.best_with_text(backbone):
                gains = [_group_gain(data, method, f"{aspect}={each}") for aspect, each in columns]
                found.append([data.short, data.loaded.labels[method], *gains])
    kept = [i for i in range(len(columns)) if any(row[2 + i] != DASH for row in found)]
    if not kept:
        return ["No text start was measured beside xavier yet.", ""]
    head = ["data", "method", *(f"{_ASPECTS[columns[i][0]]} {columns[i][1]}" for i in kept)]
    return table(head, [[*row[:2], *(row[2 + i] for i in kept)] for row in found], (0, 1))


def _group_gain(data: DataSet, method: Method, group: str) -> str:
    mine, theirs = _hits(data, method, group), _hits(data, data.loaded.reference(method), group)
    shared = mine.keys() & theirs.keys()
    n_tested = sum(theirs[seed][1] for seed in shared)
    if not n_tested:
        return DASH
    n_mine, n_theirs = (sum(found[seed][0] for seed in shared) for found in (mine, theirs))
    level = f"({share(n_theirs / n_tested, 3)})"
    return level if n_theirs < _MIN_HITS else f"{percent(n_mine / n_theirs - 1)} {level}"


def _hits(data: DataSet, method: Method | None, group: str) -> dict[int, tuple[float, float]]:
    """Return by seed how much of what was tested in a group is in the lists, and how much was tested."""
    groups = {
        cell.key.seed: cell.groups.get("standard", {}).get(group, {})
        for cell in (data.loaded.cells_of(method) if method else [])
    }
    name = f"recall@{data.loaded.k}"
    return {seed: (own[name] * own["n"], own["n"]) for seed, own in groups.items() if name in own}


def _collapse(data_sets: list[DataSet]) -> list[str]:
    methods = trained_in(data_sets)
    backbones = list(dict.fromkeys(method.model for method in methods))
    inits = list(dict.fromkeys((method.init, method.encoder, method.embedding_size) for method in methods))
    rows = []
    for init in inits:
        own = {
            method.model: method for method in methods if (method.init, method.encoder, method.embedding_size) == init
        }
        initial = _joined(data_sets, list(own.values()), lambda cell: _rank(cell, "initial"))
        final = [
            _joined(data_sets, [own[name]], lambda cell: _rank(cell, "final")) if name in own else DASH
            for name in backbones
        ]
        rows.append([_init(init[0], init[1], inits), initial, *final])
    return (
        table(["init", "before", *(f"after, {name}" for name in backbones)], rows)
        if rows
        else ["No backbone is finished yet.", ""]
    )


def _init(init: str | None, encoder: str | None, inits: list[tuple[str | None, str | None, int | None]]) -> str:
    several = len({each[1] for each in inits if each[1]}) > 1
    return f"{init} ({encoder})" if several and encoder else str(init)


def _rank(cell: Cell, state: str) -> float | None:
    value = ((cell.collapse or {}).get(state) or {}).get("effective_rank")
    return None if value is None else float(value)


def _beyond(data_sets: list[DataSet]) -> list[str]:
    best = [data.best_with_text(backbone) for data in data_sets for backbone in data.loaded.backbones]
    shown = [method for method in trained_in(data_sets) if method.init == XAVIER or method in best]
    labels = labels_in(data_sets)
    rows = [
        [labels[method], *(_measure(data_sets, method, name, digits) for name, digits in _MEASURES.items())]
        for method in [*shown, *baselines_in(data_sets)]
    ]
    return table(["method", *(name.replace("_", " ") for name in _MEASURES)], rows)


def _measure(data_sets: list[DataSet], method: Method, name: str, digits: int) -> str:
    found = [data.loaded.mean(method, name) for data in data_sets]
    return " / ".join(share(verdict.mean if verdict else None, digits) for verdict in found)


def _cost(data_sets: list[DataSet]) -> list[str]:
    methods = [*trained_in(data_sets), *baselines_in(data_sets)]
    rows = []
    for model in dict.fromkeys(method.model for method in methods):
        own = [method for method in methods if method.model == model]
        rows.append([model, *(_joined(data_sets, own, of, median) for of in _COSTS.values())])
    return table(["model", *_COSTS], rows)


def _epoch_seconds(cell: Cell) -> float | None:
    return cell.history[-1]["seconds"] / len(cell.history) if cell.history else None


def _gigabytes(cell: Cell) -> float | None:
    return None if cell.peak_memory_bytes is None else cell.peak_memory_bytes / 2**30


def _millions(cell: Cell) -> float | None:
    return None if cell.n_parameters is None else cell.n_parameters / 1e6


_COSTS: dict[str, Callable[[Cell], float | None]] = {
    "fit, s": lambda cell: cell.seconds.get("fit"),
    "epochs": lambda cell: len(cell.history) if cell.history else None,
    "an epoch, s": _epoch_seconds,
    "ranking, s": lambda cell: cell.seconds.get("evaluate"),
    "memory, GiB": _gigabytes,
    "stored numbers, millions": _millions,
}


def _joined(
    data_sets: list[DataSet],
    methods: list[Method],
    of: Callable[[Cell], float | None],
    middle: Callable[[list[float]], float] = mean,
) -> str:
    """Return the mean, or another middle, over these methods' cells in each data set."""
    shown = []
    for data in data_sets:
        values = [
            value for method in methods for cell in data.loaded.cells_of(method) if (value := of(cell)) is not None
        ]
        shown.append(number(middle(values) if values else None))
    return DASH if set(shown) == {DASH} else " / ".join(shown)


def _sizes(data_sets: list[DataSet]) -> str:
    sizes = sorted({method.embedding_size for method in trained_in(data_sets) if method.embedding_size})
    return " or ".join(map(str, sizes)) or "none"


def _machines(data_sets: list[DataSet]) -> str:
    machines = dict.fromkeys(data.loaded.header.machine for data in data_sets if data.loaded.header.machine)
    return f"Machine: {'; '.join(machines)}." if machines else ""
