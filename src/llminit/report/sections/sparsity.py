"""The gain over random initial embeddings as training data is taken away."""

from typing import Any

from llminit.report.html import Section, paragraph
from llminit.report.loaded import Loaded
from llminit.report.numbers import Mean
from llminit.report.plots import REFERENCE, Figure, panel
from llminit.report.sections.gains import Steps, gains_figure
from llminit.results import Method

_TITLES = {
    "train_share": "share of the training interactions kept",
    "max_history": "training interactions kept of each user",
}


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where all cells had the same training data."""
    parts = [_backbone(loaded, backbone) for backbone in loaded.backbones]
    if not any(parts):
        return None
    text = (
        f"The difference in recall@{loaded.k} (standard) to the same backbone started from {REFERENCE}, when both "
        "train on less. The test interactions stay the same. Bars are 95 % intervals over seeds."
    )
    return Section("sparsity", "With less data", "Less data", paragraph(text) + "".join(parts))


def gains_by_setting(loaded: Loaded, method: Method, field: str) -> dict[object, Mean]:
    """Return a method's gain at each value of `field` ("train_share" or "max_history"), all else equal."""
    same = [name for name in Method.model_fields if name != field]
    alike = [each for each in loaded.methods if all(getattr(each, name) == getattr(method, name) for name in same)]
    found = {getattr(each, field): loaded.gain(each, "recall") for each in alike}
    return {value: gain for value, gain in found.items() if gain is not None}


def _backbone(loaded: Loaded, backbone: str) -> str:
    figures = [figure for field in _TITLES if (figure := _figure(loaded, backbone, field))]
    return panel(backbone, figures, loaded.styles) if figures else ""


def _figure(loaded: Loaded, backbone: str, field: str) -> Figure | None:
    methods = [each for each in loaded.trained(backbone) if each.init != REFERENCE]
    gains = {each: gains_by_setting(loaded, each, field) for each in methods}
    gains = {each: found for each, found in gains.items() if len(found) > 1}
    values = sorted({value for found in gains.values() for value in found}, key=_amount)
    steps = Steps(values, [_shown(field, value) for value in values], _TITLES[field])
    name = f"sparsity-{loaded.backbones.index(backbone)}-{field}"
    return gains_figure(loaded, name, gains, steps, f"{backbone}: gain over {REFERENCE} by {_TITLES[field]}.")


def _amount(value: Any) -> float:
    return float("inf") if value is None else float(value)


def _shown(field: str, value: Any) -> str:
    if value is None:
        return "all"
    return f"{value:.0%}" if field == "train_share" else str(value)
