"""The results of a comparison in memory, and the questions that the sections of a report ask."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Any

import polars as pl

from llminit.config import Protocol
from llminit.evaluation import PROTOCOLS
from llminit.report.numbers import Mean, mean_of
from llminit.report.plots import REFERENCE, Style, styles_of
from llminit.results import Cell, Failure, Header, Method, distinct_labels
from llminit.results.key import FULL
from llminit.verdicts.record import Verdict
from llminit.verdicts.standing import Standing, standing_of

BySeed = dict[int, float]

_KEY = tuple(Method.model_fields)
# Where several initialisations are shown, the ones that need no explanation come first.
_ORDER = (REFERENCE, "whiten", "variance", "pca", "random", "uniform", FULL)


@dataclass(frozen=True)
class Loaded:
    """All that a report is made from.

    Attributes:
        header: What all cells have in common.
        cells: The finished cells.
        tidy: All their measures, with the columns of `llminit.results.tidy.TIDY_SCHEMA`.
        failures: The cells that failed.
        verdicts: By protocol, what paired tests say.
        maps: By name of a cell, its items with a place in both planes.
    """

    header: Header
    cells: list[Cell]
    tidy: pl.DataFrame
    failures: list[Failure]
    verdicts: dict[str, list[Verdict]]
    maps: dict[str, pl.DataFrame]

    @cached_property
    def methods(self) -> list[Method]:
        """Every method with a finished cell: backbones in their order, then controls, then baselines."""
        kinds = ("backbone", "control", "baseline")
        found = dict.fromkeys(cell.key.method for cell in self.cells)
        return sorted(
            found,
            key=lambda each: (
                kinds.index(each.kind),
                each.model,
                _init_order(each),
                each.embedding_size or 0,
                each.name,
            ),
        )

    @cached_property
    def missing(self) -> list[str]:
        """Names of the cells that were asked for and are not finished."""
        finished = {cell.key.name for cell in self.cells}
        return [name for name in self.header.planned if name not in finished]

    @cached_property
    def main(self) -> list[Method]:
        """The methods at the main setting: whole training data where there is such, and the usual embedding size.

        Text embeddings at full width have a size of their own and are among them.
        """
        trained = [cell.key for cell in self.cells if cell.key.kind == "backbone"] or [cell.key for cell in self.cells]
        whole = [key for key in trained if key.train_share == 1 and key.max_history is None] or trained
        sized = [key for key in whole if key.selector != FULL] or whole
        size, share, history = _most_common((key.embedding_size, key.train_share, key.max_history) for key in sized)
        return [
            each
            for each in self.methods
            if (each.train_share, each.max_history) == (share, history)
            and (each.embedding_size in (size, None) or each.selector == FULL)
        ]

    @cached_property
    def labels(self) -> dict[Method, str]:
        """Short names that tell the methods of the main setting apart."""
        return distinct_labels(self.main)

    @cached_property
    def backbones(self) -> list[str]:
        """Names of the backbones at the main setting."""
        return list(dict.fromkeys(each.model for each in self.main if each.kind == "backbone"))

    @cached_property
    def k(self) -> int:
        """The length of the lists that is shown: 10 where it was measured."""
        ks = self.tidy.filter(pl.col("metric") == "recall")["k"].unique().sort().to_list()
        return 10 if 10 in ks or not ks else int(ks[0])

    @cached_property
    def styles(self) -> dict[str, Style]:
        """How each initialisation is drawn, in all plots alike."""
        return styles_of(self.series(each) for each in self.methods if each.kind == "backbone")

    def trained(self, backbone: str) -> list[Method]:
        """Return a backbone's methods at the main setting, controls left out."""
        return [each for each in self.main if each.kind == "backbone" and each.model == backbone]

    def series(self, method: Method) -> str:
        """Name an initialisation, with its encoder where there are several."""
        several = len({each.encoder for each in self.methods if each.encoder and each.kind == "backbone"}) > 1
        return f"{method.init} ({method.encoder})" if several and method.encoder else str(method.init)

    def reference(self, method: Method) -> Method | None:
        """Return the same backbone and setting without text, None where it was not run."""
        wanted = method.model_copy(update={"init": REFERENCE, "encoder": None})
        return wanted if wanted in set(self.methods) else None

    def main_verdicts(self, protocol: str) -> list[Verdict]:
        """Return the verdicts of the main setting, with the labels that suffice there."""
        names = self.labels
        return [
            replace(each, label=names[each.method], reference_label=names[each.reference])
            for each in self.verdicts.get(protocol, [])
            if each.method in names and each.reference in names
        ]

    def cells_of(self, method: Method) -> list[Cell]:
        """Return a method's cells, in order of their seeds."""
        return self._cells_by_method.get(method, [])

    def by_seed(self, metric: str, protocol: str = "standard", group: str = "all") -> dict[Method, BySeed]:
        """Return every method's values of a metric such as "recall", at the report's k, by seed."""
        return self._values.get((metric, protocol, group), {})

    def mean(self, method: Method, metric: str, protocol: str = "standard", group: str = "all") -> Mean | None:
        """Return a method's mean of a metric over its seeds; None where it was not measured."""
        found = self.by_seed(metric, protocol, group).get(method)
        return mean_of(list(found.values())) if found else None

    def gain(self, method: Method, metric: str, protocol: str = "standard", group: str = "all") -> Mean | None:
        """Return by how much a method's metric exceeds its reference's, over the seeds that both have."""
        reference = self.reference(method)
        values = self.by_seed(metric, protocol, group)
        mine, theirs = values.get(method, {}), values.get(reference, {}) if reference else {}
        shared = sorted(mine.keys() & theirs.keys())
        return mean_of([mine[seed] - theirs[seed] for seed in shared]) if shared else None

    def best(self, methods: Iterable[Method], metric: str = "recall") -> Method | None:
        """Return the method with the highest mean under the standard protocol; None where there is none.

        Means are over the seeds that all of them have; see `llminit.verdicts.standing`.
        """
        return self.standing(methods, metric).best

    def standing(self, methods: Iterable[Method], metric: str, protocol: str = "standard") -> Standing[Method]:
        """Return how methods stand to each other on the seeds that all of them have."""
        values = self.by_seed(metric, protocol)
        return standing_of({each: values.get(each, {}) for each in methods})

    def average(self, method: Method, of: Callable[[Cell], float | None]) -> float | None:
        """Return the mean of something over a method's cells, those left out where it is None."""
        found = self._measured(method, of)
        return sum(found) / len(found) if found else None

    def median(self, method: Method, of: Callable[[Cell], float | None]) -> float | None:
        """Return the median of something over a method's cells: for costs, which other work on the machine raises."""
        found = self._measured(method, of)
        return median(found) if found else None

    def _measured(self, method: Method, of: Callable[[Cell], float | None]) -> list[float]:
        return [value for cell in self.cells_of(method) if (value := of(cell)) is not None]

    @cached_property
    def _cells_by_method(self) -> dict[Method, list[Cell]]:
        found: dict[Method, list[Cell]] = defaultdict(list)
        for cell in sorted(self.cells, key=lambda cell: cell.key.seed):
            found[cell.key.method].append(cell)
        return dict(found)

    @cached_property
    def _values(self) -> dict[tuple[str, str, str], dict[Method, BySeed]]:
        found: dict[tuple[str, str, str], dict[Method, BySeed]] = defaultdict(lambda: defaultdict(dict))
        methods = {each: each for each in self.methods}
        for row in self.tidy.filter(pl.col("k") == self.k).iter_rows(named=True):
            method = Method(**{name: row[name] for name in _KEY})
            where = (row["metric"], row["protocol"], row["group"])
            found[where][methods.get(method, method)][row["seed"]] = row["value"]
        return found


def protocols_of(loaded: Loaded) -> list[Protocol]:
    """Return the protocols with results, the standard one first."""
    found = set(loaded.tidy["protocol"].unique())
    return [protocol for protocol in PROTOCOLS if protocol in found]


def _init_order(method: Method) -> tuple[int, str]:
    init = method.selector or ""
    return (_ORDER.index(init) if init in _ORDER else len(_ORDER), method.init or "")


def _most_common(settings: Iterable[Any]) -> Any:
    counts = Counter(settings)
    return max(counts, key=lambda each: (counts[each], each[0] or 0))
