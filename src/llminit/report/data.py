"""The results of a comparison in memory, and the queries of the sections of a report."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median

import polars as pl

from llminit.config import Protocol
from llminit.evaluation import METRICS, PROTOCOLS
from llminit.report.numbers import Mean, mean_of
from llminit.report.styles import REFERENCE, Style, assign_styles
from llminit.results import Cell, ColdCell, ColdFailure, Failure, Header, Method, distinct_labels
from llminit.results.key import FULL
from llminit.verdicts.answer import Answer, answer_of
from llminit.verdicts.choice import choose
from llminit.verdicts.record import Verdict
from llminit.verdicts.setting import main_setting
from llminit.verdicts.standing import Standing, standing_of

BySeed = dict[int, float]

_METHOD_FIELDS = tuple(Method.model_fields)
# Where several initialisations are shown, the ones that need no explanation come first.
_INIT_ORDER = (REFERENCE, "whiten", "variance", "pca", "random", "uniform", FULL)


@dataclass(frozen=True)
class ReportData:
    """Everything that a report is made from.

    Attributes:
        header: What all cells have in common.
        cells: The finished cells.
        tidy: All their measures, with the columns of `llminit.results.tidy.TIDY_SCHEMA`.
        failures: The cells that failed, those about new items and users last.
        verdicts: By protocol, the results of the paired tests.
        maps: By name of a cell, its items with their coordinates in both planes.
        cold: The finished cells about new items and users.
    """

    header: Header
    cells: list[Cell]
    tidy: pl.DataFrame
    failures: Sequence[Failure | ColdFailure]
    verdicts: dict[str, list[Verdict]]
    maps: dict[str, pl.DataFrame]
    cold: list[ColdCell] = field(default_factory=list)

    @cached_property
    def methods(self) -> list[Method]:
        """Every method with a finished cell: backbones in their order, then controls, then baselines."""
        kinds = ("backbone", "control", "baseline")
        methods = dict.fromkeys(cell.key.method for cell in self.cells)
        return sorted(
            methods,
            key=lambda method: (
                kinds.index(method.kind),
                method.model,
                _init_order(method),
                method.embedding_size or 0,
                method.name,
            ),
        )

    @cached_property
    def missing(self) -> list[str]:
        """Names of the cells of all calls that are not finished."""
        finished = {cell.key.name for cell in self.cells}
        return [name for name in self.header.planned if name not in finished]

    @cached_property
    def main(self) -> list[Method]:
        """The methods at the main setting; see `llminit.verdicts.setting`."""
        setting = main_setting(cell.key for cell in self.cells)
        return [method for method in self.methods if setting.holds(method)]

    @cached_property
    def labels(self) -> dict[Method, str]:
        """Short names that tell the methods of the main setting apart."""
        return distinct_labels(self.main)

    @cached_property
    def backbones(self) -> list[str]:
        """Names of the backbones at the main setting."""
        return list(dict.fromkeys(method.model for method in self.main if method.kind == "backbone"))

    @cached_property
    def protocols(self) -> list[Protocol]:
        """The protocols with results, the standard one first."""
        measured = set(self.tidy["protocol"].unique())
        return [protocol for protocol in PROTOCOLS if protocol in measured]

    @cached_property
    def k(self) -> int:
        """The length of the lists that is shown: 10 where it was measured."""
        ks = self.tidy.filter(pl.col("metric") == "recall")["k"].unique().sort().to_list()
        return 10 if 10 in ks or not ks else int(ks[0])

    @cached_property
    def styles(self) -> dict[str, Style]:
        """How each initialisation is drawn, in all plots alike."""
        return assign_styles(self.series(method) for method in self.methods if method.kind == "backbone")

    def trained(self, backbone: str) -> list[Method]:
        """Return a backbone's methods at the main setting, controls left out."""
        return [method for method in self.main if method.kind == "backbone" and method.model == backbone]

    def series(self, method: Method) -> str:
        """Name an initialisation, with its encoder where there are several."""
        encoders = {other.encoder for other in self.methods if other.encoder and other.kind == "backbone"}
        return f"{method.init} ({method.encoder})" if len(encoders) > 1 and method.encoder else str(method.init)

    def reference(self, method: Method) -> Method | None:
        """Return the same backbone and setting without text, None where it was not run."""
        reference = method.model_copy(update={"init": REFERENCE, "encoder": None})
        return reference if reference in set(self.methods) else None

    def main_verdicts(self, protocol: str) -> list[Verdict]:
        """Return the verdicts of the main setting, with labels that are unique there."""
        labels = self.labels
        return [
            replace(verdict, label=labels[verdict.method], reference_label=labels[verdict.reference])
            for verdict in self.verdicts.get(protocol, [])
            if verdict.method in labels and verdict.reference in labels
        ]

    @cached_property
    def choice(self) -> Method | None:
        """The method that validation picks; None where there is none."""
        choice = choose(self.cells)
        return choice.method if choice else None

    @cached_property
    def leave_one_out(self) -> bool:
        """Whether each user has a single held-out item, so that recall counts users."""
        return str(self.header.config.get("split", "")).endswith("-loo")

    @cached_property
    def answer(self) -> Answer:
        """What to use, as far as it was shown."""
        return answer_of(self.main_verdicts(PROTOCOLS[0]), leave_one_out=self.leave_one_out)

    def cells_of(self, method: Method) -> list[Cell]:
        """Return a method's cells, in order of their seeds."""
        return self._cells_by_method.get(method, [])

    def by_seed(self, metric: str, protocol: str = "standard", group: str = "all") -> dict[Method, BySeed]:
        """Return every method's values of a metric such as "recall", at the report's k, by seed."""
        return self._values.get((metric, protocol, group), {})

    def mean(
        self,
        method: Method,
        metric: str,
        protocol: str = "standard",
        group: str = "all",
        beside: Method | None = None,
    ) -> Mean | None:
        """Return a method's mean of a metric over its seeds, or those that it shares with one that it stands beside.

        None where it was not measured.
        """
        by_method = self.by_seed(metric, protocol, group)
        values, others = by_method.get(method, {}), by_method.get(beside, {}) if beside else {}
        kept = [value for seed, value in values.items() if seed in others] or list(values.values())
        bounds = (0.0, 1.0) if metric in METRICS else ()
        return mean_of(kept, *bounds) if kept else None

    def gain(self, method: Method, metric: str, protocol: str = "standard", group: str = "all") -> Mean | None:
        """Return by how much a method's metric exceeds its reference's, over the seeds that both have."""
        reference = self.reference(method)
        values = self.by_seed(metric, protocol, group)
        with_text, without = values.get(method, {}), values.get(reference, {}) if reference else {}
        shared = sorted(with_text.keys() & without.keys())
        return mean_of([with_text[seed] - without[seed] for seed in shared]) if shared else None

    def best(self, methods: Iterable[Method], metric: str = "recall") -> Method | None:
        """Return the method with the highest mean under the standard protocol; None where there is none.

        Means are over the seeds that all of them have; see `llminit.verdicts.standing`.
        """
        return self.standing(methods, metric).best

    def standing(self, methods: Iterable[Method], metric: str, protocol: str = "standard") -> Standing[Method]:
        """Return how methods stand to each other on the seeds that all of them have."""
        values = self.by_seed(metric, protocol)
        return standing_of({method: values.get(method, {}) for method in methods})

    def average(self, method: Method, measure: Callable[[Cell], float | None]) -> float | None:
        """Return the mean of a measure over a method's cells, those left out where it is None."""
        values = self._measured(method, measure)
        return sum(values) / len(values) if values else None

    def median(self, method: Method, measure: Callable[[Cell], float | None]) -> float | None:
        """Return the median of a measure over a method's cells: for costs, which other work on the machine raises."""
        values = self._measured(method, measure)
        return median(values) if values else None

    def _measured(self, method: Method, measure: Callable[[Cell], float | None]) -> list[float]:
        return [value for cell in self.cells_of(method) if (value := measure(cell)) is not None]

    @cached_property
    def _cells_by_method(self) -> dict[Method, list[Cell]]:
        cells: dict[Method, list[Cell]] = defaultdict(list)
        for cell in sorted(self.cells, key=lambda cell: cell.key.seed):
            cells[cell.key.method].append(cell)
        return dict(cells)

    @cached_property
    def _values(self) -> dict[tuple[str, str, str], dict[Method, BySeed]]:
        values: dict[tuple[str, str, str], dict[Method, BySeed]] = defaultdict(lambda: defaultdict(dict))
        methods = {method: method for method in self.methods}
        for row in self.tidy.filter(pl.col("k") == self.k).iter_rows(named=True):
            method = Method(**{name: row[name] for name in _METHOD_FIELDS})
            measured = (row["metric"], row["protocol"], row["group"])
            values[measured][methods.get(method, method)][row["seed"]] = row["value"]
        return values


def _init_order(method: Method) -> tuple[int, str]:
    selector = method.selector or ""
    return (_INIT_ORDER.index(selector) if selector in _INIT_ORDER else len(_INIT_ORDER), method.init or "")
