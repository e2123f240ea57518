"""The gain over random initial embeddings with less training data."""

from typing import Any

from llminit.report.content import Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel
from llminit.report.numbers import Mean
from llminit.report.plots import panel
from llminit.report.sections.gains import Steps, gains_figure
from llminit.report.styles import REFERENCE
from llminit.results import Method

_TITLES = {
    "train_share": "share of the training interactions kept",
    "max_history": "training interactions kept of each user",
}


def section(data: ReportData) -> Section | None:
    """Return the section; None where all cells had the same training data."""
    panels = [block for backbone in data.backbones for block in _panels(data, backbone)]
    if not panels:
        return None
    introduction = Paragraph(
        f"The difference in recall@{data.k} (standard) to the same backbone started from {REFERENCE}, when both "
        "train on less. The test interactions stay the same. Bars are 95 % intervals over seeds."
    )
    return Section("sparsity", "With less data", "Less data", [introduction, *panels])


def gains_by_setting(data: ReportData, method: Method, field: str) -> dict[object, Mean]:
    """Return a method's gain at each value of `field` ("train_share" or "max_history"), all else equal."""
    same = [name for name in Method.model_fields if name != field]
    alike = [other for other in data.methods if all(getattr(other, name) == getattr(method, name) for name in same)]
    gains = {getattr(other, field): data.gain(other, "recall") for other in alike}
    return {value: gain for value, gain in gains.items() if gain is not None}


def _panels(data: ReportData, backbone: str) -> list[Panel]:
    figures = [figure for field in _TITLES if (figure := _figure(data, backbone, field))]
    return [panel(backbone, figures, data.styles)] if figures else []


def _figure(data: ReportData, backbone: str, field: str) -> Figure | None:
    methods = [method for method in data.trained(backbone) if method.init != REFERENCE]
    gains = {method: gains_by_setting(data, method, field) for method in methods}
    gains = {method: by_value for method, by_value in gains.items() if len(by_value) > 1}
    values = sorted({value for by_value in gains.values() for value in by_value}, key=_amount)
    steps = Steps(values, [_label(field, value) for value in values], _TITLES[field])
    anchor = f"sparsity-{data.backbones.index(backbone)}-{field}"
    return gains_figure(data, anchor, gains, steps, f"{backbone}: gain over {REFERENCE} by {_TITLES[field]}.")


def _amount(value: Any) -> float:
    return float("inf") if value is None else float(value)


def _label(field: str, value: Any) -> str:
    if value is None:
        return "all"
    return f"{value:.0%}" if field == "train_share" else str(value)
