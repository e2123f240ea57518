"""What the page is made from: results, the plan of what is to be run, and published numbers."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from llminit.comparison.grid import grid_cells
from llminit.config import CompareConfig, Config
from llminit.report.data import ReportData
from llminit.report.read import read_report_data
from llminit.results import CellKey, Method, distinct_labels, open_results
from llminit.verdicts.record import Verdict

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


class Plan(Config):
    """What is to be run in the end."""

    grid: dict[str, Any]
    """Options of `llminit compare` that name cells."""
    confirmation: dict[str, Any] = Field(default_factory=dict)
    """The same, of what is run once more on new seeds."""
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
        found = (each.value for each in self.number if (each.data, each.model, each.init) == _names(data, method))
        return next(found, None)

    def best_of(self, data: str) -> float | None:
        """Return the highest number of a data set, None where none is published."""
        return next((each.value for each in self.best if each.data == data), None)


@dataclass(frozen=True)
class DataSet:
    """The results on one data set.

    Attributes:
        name: The data set's.
        folder: The name of the results folder.
        title: For people.
        short: For people, in narrow columns.
        config: The options of the comparison, with the grid that is planned.
        loaded: What is there.
        confirmation: What was run once more on new seeds, if it was.
    """

    name: str
    folder: str
    title: str
    short: str
    config: CompareConfig
    loaded: ReportData
    confirmation: "DataSet | None" = None

    @cached_property
    def planned(self) -> list[CellKey]:
        """The cells that are to be there in the end."""
        widths = {label: int(each["width"]) for label, each in self.loaded.header.encoders.items()}
        return grid_cells(self.config, widths)

    @cached_property
    def missing(self) -> list[CellKey]:
        """The planned cells that are not there yet."""
        finished = {cell.key for cell in self.loaded.cells}
        return [key for key in self.planned if key not in finished]

    def verdicts(self, protocol: str = "standard") -> list[Verdict]:
        """Return the verdicts of the main setting."""
        return self.loaded.main_verdicts(protocol)

    def trained(self) -> list[Method]:
        """Return the backbones' methods, controls left out, xavier first for each backbone."""
        return [each for backbone in self.loaded.backbones for each in self.loaded.trained(backbone)]

    def baselines(self) -> list[Method]:
        """Return the baselines, the one with the highest recall first."""
        found = [each for each in self.loaded.main if each.kind == "baseline"]
        return sorted(found, key=lambda each: (-self._recall(each), each.name))

    def best_with_text(self, backbone: str) -> Method | None:
        """Return a backbone's method with the highest recall, xavier left out."""
        return self.loaded.best(each for each in self.loaded.trained(backbone) if each.init != XAVIER)

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


def confirmations_of(data_sets: list[DataSet]) -> list[DataSet]:
    """Return what was run once more on new seeds."""
    return [data.confirmation for data in data_sets if data.confirmation]


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
    again = folder.with_name(f"{name}{CONFIRMATION}")
    is_there = bool(plan.confirmation) and open_results(again).exists
    confirmation = _opened(again, name, plan, plan.confirmation) if is_there else None
    return replace(_opened(folder, name, plan, plan.grid), confirmation=confirmation)


def _opened(folder: Path, name: str, plan: Plan, grid: dict[str, Any]) -> DataSet:
    loaded = read_report_data(open_results(folder))
    title = plan.data[name].title if name in plan.data else name
    config = CompareConfig.make(**loaded.header.config | grid)
    return DataSet(name, folder.resolve().name, title, name.capitalize(), config, loaded)


def _names(data: str, method: Method) -> tuple[str, str, str | None]:
    return data, method.model, method.init
