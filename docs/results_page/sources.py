"""What the page is made from: results, the plan of what is to be run, and published numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from llminit.comparison.fingerprints import GROWING
from llminit.comparison.grid import baselines_of, grid_cells
from llminit.config import CompareConfig, Config
from llminit.report.data import ReportData
from llminit.report.read import read_report_data
from llminit.results import CellKey, Method, distinct_labels, open_results
from llminit.verdicts.record import Verdict
from results_page.part import Part

XAVIER = "xavier"
CONFIRMATION = "-confirmation"
"""What the name of a results folder ends with that holds what was run once more."""


class DataSource(Config):
    """A data set, for people."""

    title: str
    """Its name."""
    get: str | None = None
    """Its name in `llminit data list`."""


class EmbeddingsSource(Config):
    """How a file of text embeddings was made."""

    encoder: str
    """The encoder's SPEC."""
    text: str
    """The template of the item text."""
    note: str = ""
    """What else matters."""


class Question(Config):
    """A question about some of the models of a data set, judged on its own."""

    title: str
    """What it is about, in words."""
    text: str
    """Why it is asked."""
    models: tuple[str, ...]
    """The backbones and baselines that it is about."""
    embedding_size: int | None = None
    """The embedding size that it is about; None: that of most runs."""


class Further(Config):
    """What is run in a folder of its own, `DATA-NAME`, under other options."""

    title: str
    """Its heading."""
    text: str
    """What is asked."""
    data: tuple[str, ...]
    """The data sets on which it is run."""
    grid: dict[str, Any]
    """The options of `llminit compare` that differ from those of the data set's own folder."""
    shows: Literal["baselines", "sizes"] = "baselines"
    """How the page shows it: the methods beside baselines, or quality by embedding size."""


class NewItems(Config):
    """A result file of benchmarks/cold.py."""

    title: str
    """What was measured, in words."""
    file: str
    """Its path, relative to that of the plan."""
    data: str
    """The data set in it that is shown, by its name in `llminit data list`."""
    ways: dict[str, str]
    """Which ways are shown: by "SIDE: WAY" in the file, their names."""
    text: str = ""
    """What else is to be known."""


def _as_calls(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Plan(Config):
    """What is to be run in the end."""

    grid: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_as_calls)]
    """Options of `llminit compare` that name cells, of one or more calls into the same folder."""
    question: tuple[Question, ...] = ()
    """Questions about parts of it; a pair is judged in the last one that holds it, or else among all."""
    confirmation: dict[str, Any] = Field(default_factory=dict)
    """Options of what is run once more on new seeds."""
    further: dict[str, Further] = Field(default_factory=dict)
    """What is run under other options, by the ending of its folder."""
    new_items: tuple[NewItems, ...] = ()
    """Results about items that training has never seen."""
    data: dict[str, DataSource] = Field(default_factory=dict)
    """Data sets, by the name of the results folder."""
    embeddings: dict[str, EmbeddingsSource] = Field(default_factory=dict)
    """Files of text embeddings, by their label."""


class Number(Config):
    """A published Recall@10 under the `paper` protocol."""

    data: str
    """The data set's name."""
    value: float
    """The number."""
    source: str
    """Where it is published."""
    model: str = ""
    """The backbone."""
    init: str | None = None
    """Its initial embeddings."""


class Published(Config):
    """Published numbers."""

    number: tuple[Number, ...] = ()
    """Of single methods."""
    best: tuple[Number, ...] = ()
    """The highest of each data set."""

    def of(self, data: str, method: Method) -> float | None:
        """Return the number of a method, None where none is published."""
        found = (
            number.value for number in self.number if (number.data, number.model, number.init) == _names(data, method)
        )
        return next(found, None)

    def best_of(self, data: str) -> float | None:
        """Return the highest number of a data set, None where none is published."""
        return next((number.value for number in self.best if number.data == data), None)


@dataclass(frozen=True)
class DataSet:
    """The results on one data set.

    Attributes:
        name: The data set's.
        folder: The name of the results folder.
        title: For people.
        short: For people, in narrow columns.
        calls: The options of the comparison, one for each call that is planned.
        loaded: What is there.
        questions: What is there of each question about a part of it.
        confirmation: What was run once more on new seeds, if it was.
        further: What was run under other options, by the ending of its folder.
    """

    name: str
    folder: str
    title: str
    short: str
    calls: tuple[CompareConfig, ...]
    loaded: ReportData
    questions: Mapping[Question, ReportData] = field(default_factory=dict)
    confirmation: "DataSet | None" = None
    further: "Mapping[str, DataSet]" = field(default_factory=dict)

    @property
    def config(self) -> CompareConfig:
        """The options of the first call."""
        return self.calls[0]

    @property
    def is_tuned(self) -> bool:
        """Whether the options of baselines were chosen on validation interactions."""
        return any(call.tune and baselines_of(call) for call in self.calls)

    @cached_property
    def planned(self) -> list[CellKey]:
        """The cells that are to be there in the end."""
        widths = {label: int(each["width"]) for label, each in self.loaded.header.encoders.items()}
        return list(dict.fromkeys(key for call in self.calls for key in grid_cells(call, widths)))

    @cached_property
    def missing(self) -> list[CellKey]:
        """The planned cells that are not there yet."""
        finished = {cell.key for cell in self.loaded.cells}
        return [key for key in self.planned if key not in finished]

    def verdicts(self, protocol: str = "standard") -> list[Verdict]:
        """Return the verdicts of the main setting, each pair from the last question that holds it, or else from all."""
        found: dict[tuple[Method, Method], Verdict] = {}
        for judged in (self.loaded, *self.questions.values()):
            found |= {(verdict.method, verdict.reference): verdict for verdict in judged.main_verdicts(protocol)}
        # A question may be about another embedding size than that of the main setting.
        main = set(self.loaded.main)
        return [verdict for verdict in found.values() if verdict.method in main]

    def trained(self) -> list[Method]:
        """Return the backbones' methods, controls left out, xavier first for each backbone."""
        return [method for backbone in self.loaded.backbones for method in self.loaded.trained(backbone)]

    def baselines(self) -> list[Method]:
        """Return the baselines, the one with the highest recall first."""
        found = [method for method in self.loaded.main if method.kind == "baseline"]
        return sorted(found, key=lambda each: (-self._recall(each), each.name))

    def best_with_text(self, backbone: str) -> Method | None:
        """Return a backbone's method with the highest recall, xavier left out."""
        return self.loaded.best(method for method in self.loaded.trained(backbone) if method.init != XAVIER)

    def _recall(self, method: Method) -> float:
        mean = self.loaded.mean(method, "recall")
        return mean.mean if mean else 0.0


def load_data_sets(folders: list[Path], plan: Plan) -> list[DataSet]:
    """Read results folders or archives.

    Raises:
        ArtefactError: A folder is not one of results, or something in it is damaged.
        ConfigError: The plan names options that do not exist.
        DataError: A folder holds no finished cell.
    """
    return [_load(folder, plan) for folder in folders]


def besides(data_sets: list[DataSet]) -> list[DataSet]:
    """Return what is in folders of its own: what was run once more on new seeds, and under other options."""
    return [each for data in data_sets for each in (data.confirmation, *data.further.values()) if each is not None]


def trained_in(data_sets: list[DataSet]) -> list[Method]:
    """Return the trained methods of all data sets, each once."""
    return list(dict.fromkeys(method for data in data_sets for method in data.trained()))


def baselines_in(data_sets: list[DataSet]) -> list[Method]:
    """Return the baselines of all data sets, each once."""
    return list(dict.fromkeys(method for data in data_sets for method in data.baselines()))


def labels_in(data_sets: list[DataSet]) -> dict[Method, str]:
    """Return short names that tell the methods of all data sets apart."""
    return distinct_labels(method for data in data_sets for method in data.loaded.main)


def _load(folder: Path, plan: Plan) -> DataSet:
    name = folder.resolve().name
    whole = _opened(folder, name, plan, plan.grid)
    results = open_results(folder)
    parts = {question: Part(results, question.models, question.embedding_size) for question in plan.question}
    questions = {
        question: read_report_data(part)
        for question, part in parts.items()
        if _has_trained(part) and len(part.cells()) < len(whole.loaded.cells)
    }
    again = folder.with_name(f"{name}{CONFIRMATION}")
    is_there = bool(plan.confirmation) and open_results(again).exists
    return replace(
        whole,
        questions=questions,
        confirmation=_opened(again, name, plan, [plan.confirmation]) if is_there else None,
        further={
            ending: _opened(beside, name, plan, [further.grid])
            for ending, further in plan.further.items()
            if open_results(beside := folder.with_name(f"{name}-{ending}")).exists
        },
    )


def _has_trained(part: Part) -> bool:
    return any(cell.key.kind == "backbone" for cell in part.cells())


def _opened(folder: Path, name: str, plan: Plan, calls: Sequence[dict[str, Any]]) -> DataSet:
    loaded = read_report_data(open_results(folder))
    title = plan.data[name].title if name in plan.data else name
    shared = {option: value for option, value in loaded.header.config.items() if option not in GROWING}
    configs = tuple(CompareConfig.make(**shared | call) for call in calls)
    return DataSet(name, folder.resolve().name, title, name.capitalize(), configs, loaded)


def _names(data: str, method: Method) -> tuple[str, str, str | None]:
    return data, method.model, method.init
