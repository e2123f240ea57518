"""The gain over random initial embeddings by the number of interactions of users and of items."""

from llminit.evaluation.groups import COUNT_BINS
from llminit.report.content import Paragraph, Section
from llminit.report.data import ReportData
from llminit.report.figures import Figure, Panel
from llminit.report.numbers import Mean
from llminit.report.plots import panel
from llminit.report.sections.gains import Steps, gains_figure
from llminit.report.styles import REFERENCE
from llminit.results import Method

BINS = ("0", *COUNT_BINS)
_ASPECTS = {"user_degree": "user", "item_popularity": "item"}


def section(data: ReportData) -> Section | None:
    """Return the section; None where no group was measured beside its reference."""
    panels = [block for backbone in data.backbones for block in _panels(data, backbone)]
    if not panels:
        return None
    introduction = Paragraph(
        f"The difference in recall@{data.k} (standard) to the same backbone started from {REFERENCE}, by how many "
        "training interactions a user or an item has. Above zero, text helps; a line that falls to the right helps "
        "most where data is thin. Bars are 95 % intervals over seeds."
    )
    return Section("groups", "Where it helps", "Where it helps", [introduction, *panels])


def gains_by_bin(data: ReportData, method: Method, aspect: str) -> dict[object, Mean]:
    """Return a method's gain in each bin of `aspect` ("user_degree" or "item_popularity") that was measured."""
    gains = {name: data.gain(method, "recall", group=f"{aspect}={name}") for name in BINS}
    return {name: gain for name, gain in gains.items() if gain is not None}


def _panels(data: ReportData, backbone: str) -> list[Panel]:
    figures = [figure for aspect in _ASPECTS if (figure := _figure(data, backbone, aspect))]
    return [panel(backbone, figures, data.styles)] if figures else []


def _figure(data: ReportData, backbone: str, aspect: str) -> Figure | None:
    methods = [method for method in data.trained(backbone) if method.init != REFERENCE]
    gains = {method: gains_by_bin(data, method, aspect) for method in methods}
    bins = [name for name in BINS if any(name in by_bin for by_bin in gains.values())]
    steps = Steps(bins, bins, f"training interactions of the {_ASPECTS[aspect]}")
    anchor = f"groups-{data.backbones.index(backbone)}-{aspect}"
    return gains_figure(data, anchor, gains, steps, f"{backbone}: gain over {REFERENCE} by {_ASPECTS[aspect]}.")
