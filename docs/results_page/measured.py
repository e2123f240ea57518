"""What was measured on one data set: backbones by initial embeddings, then baselines and controls."""

from collections.abc import Iterable
from typing import Any

from llminit.results import Method
from results_page.markdown import DASH, count, number, share, spread, table
from results_page.sources import DataSet, Published

_MEASURED = (("recall", "standard"), ("ndcg", "standard"), ("recall", "paper"), ("ndcg", "paper"))


_READING = (
    "Means ± standard deviations over seeds, medians of seconds; **bold** is the highest of a column in this section, "
    "on the seeds that all have. Published numbers are Recall@10 under the `paper` protocol."
)
_OTHERS = (
    "Options were chosen on the validation interactions of each seed; of several values each was chosen at some seed. "
    "Controls: `shuffled` gives the items each other's text, `noise` keeps only the mean and spread of each dimension, "
    "`untrained` is the text start before any training."
)


def section(data: DataSet, published: Published, command: str) -> list[str]:
    """Return the lines of a data set's section.

    Args:
        data: The results.
        published: Published numbers.
        command: How to get the numbers again.
    """
    counts = data.loaded.header.data
    size = ", ".join(f"{counts[f'n_{name}']:,} {name}" for name in ("users", "items", "interactions"))
    seeds = count(len({cell.key.seed for cell in data.loaded.cells}), "seed")
    best = published.best_of(data.name)
    beside = "" if best is None else f" The paper's highest {_named(data, 'recall')} here is {share(best, 3)}."
    return [
        f"## {data.title}",
        "",
        (
            f"{size} after filtering; {seeds}; from `{command}`, in full [at the end](#how-to-reproduce-this). "
            f"{_READING}{beside}"
        ),
        "",
        f"### {data.short}: backbones by initial embeddings",
        "",
        *_trained_table(data, published),
        f"### {data.short}: baselines and controls",
        "",
        *_others_table(data),
        _OTHERS,
        "",
    ]


def _trained_table(data: DataSet, published: Published) -> list[str]:
    head = ["backbone", "init", *_heads(data), "published", "seeds", "best epoch", "fit, s"]
    rows = [
        [
            method.model,
            str(method.init),
            *_values(data, method),
            share(published.of(data.name, method)),
            *_cost(data, method),
        ]
        for method in data.trained()
    ]
    return table(head, rows, (0, 1)) if rows else ["No backbone is finished yet.", ""]


def _others_table(data: DataSet) -> list[str]:
    controls = [method for method in data.loaded.main if method.kind == "control"]
    rows = [
        [data.loaded.labels[method], *_values(data, method), *_cost(data, method), _options(data, method)]
        for method in [*data.baselines(), *controls]
    ]
    head = ["method", *_heads(data), "seeds", "best epoch", "fit, s", "chosen options"]
    return table(head, rows, (0, len(head) - 1)) if rows else ["No baseline is finished yet.", ""]


def _heads(data: DataSet) -> list[str]:
    return [f"{protocol} {_named(data, metric)}" for metric, protocol in _MEASURED]


def _named(data: DataSet, metric: str) -> str:
    return f"{metric}@{data.loaded.k}"


def _values(data: DataSet, method: Method) -> list[str]:
    """Return a method's four measures, those in bold that no other method of the data set exceeds."""
    shown = []
    for metric, protocol in _MEASURED:
        own = data.loaded.by_seed(metric, protocol).get(method, {})
        standing = data.loaded.standing(data.loaded.main, metric, protocol)
        is_best = method in standing.means and standing.means[method] == max(standing.means.values())
        text = spread([own[seed] for seed in sorted(own)])
        shown.append(f"**{text}**" if is_best else text)
    return shown


def _cost(data: DataSet, method: Method) -> list[str]:
    epoch = data.loaded.average(method, lambda cell: cell.best_epoch)
    seconds = data.loaded.median(method, lambda cell: cell.seconds.get("fit"))
    return [str(len(data.loaded.cells_of(method))), DASH if epoch is None else f"{epoch:.0f}", number(seconds)]


def _options(data: DataSet, method: Method) -> str:
    """Return the options of a baseline, each with all values that some seed chose."""
    if method.kind != "baseline":
        return ""
    cells = data.loaded.cells_of(method)
    names = dict.fromkeys(name for cell in cells for name in cell.options)
    return ", ".join(f"{name}={_alternatives(cell.options.get(name) for cell in cells)}" for name in names)


def _alternatives(values: Iterable[Any]) -> str:
    distinct = dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return "/".join(sorted(distinct, key=lambda text: (len(text), text)))
